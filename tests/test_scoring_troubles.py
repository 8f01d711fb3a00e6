from scoreline.scoring.troubles import QUIET_SECONDS, Troubles


def test_the_same_trouble_is_news_once_until_it_was_well():
    now = [0.0]
    troubles = Troubles(lambda: now[0])
    assert [troubles.is_news("a", "Refused") for _ in range(3)] == [True, False, False]
    now[0] += 10 * QUIET_SECONDS
    assert not troubles.is_news("a", "Refused")
    troubles.settle("a")
    assert troubles.is_news("a", "Refused")


def test_another_kind_is_news_and_so_is_another_way():
    now = [0.0]
    troubles = Troubles(lambda: now[0])
    assert troubles.is_news("a", "Refused")
    assert troubles.is_news("b", "Refused")
    now[0] += QUIET_SECONDS
    assert troubles.is_news("a", "Unavailable")


def test_what_comes_and_goes_is_told_once_in_a_while():
    now = [0.0]
    troubles = Troubles(lambda: now[0])
    told = 0
    for second in range(int(3 * QUIET_SECONDS)):
        now[0] = float(second)
        told += troubles.is_news("a", ("Refused", "Unavailable")[second % 2])
        troubles.settle("a")
    assert told == 3


def test_ways_without_end_do_not_fill_the_memory():
    troubles = Troubles(lambda: 0.0)
    for way in range(1000):
        assert troubles.is_news(way, "Refused")
    assert len(troubles._told) == 64
