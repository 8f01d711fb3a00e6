from scoreline.models.recent import Recent


def test_an_answer_holds_for_its_time_and_is_renewed_by_the_next():
    now = [0.0]
    recent = Recent(10.0, clock=lambda: now[0])
    recent.keep("a", 1)
    now[0] = 9.0
    assert recent.find("a") == 1
    recent.keep("a", 2)
    now[0] = 18.0
    assert recent.find("a") == 2
    now[0] = 19.0
    assert recent.find("a") is None
    assert recent.find("b") is None


def test_the_oldest_goes_where_there_are_too_many_and_all_can_be_forgotten():
    recent = Recent(10.0, clock=lambda: 0.0, most=2)
    for key in "abac":
        recent.keep(key, key)
    assert [recent.find(key) for key in "abc"] == ["a", None, "c"]
    assert len(recent) == 2
    recent.forget()
    assert len(recent) == 0
