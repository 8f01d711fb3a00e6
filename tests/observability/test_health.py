from scoreline.observability.health import ComponentHealth, HealthBoard, HealthReport


def make_component(
    role: str | None, *, ready: bool = True, alive: bool = True, advisory: bool = False
) -> ComponentHealth:
    return ComponentHealth(role or "model", role, ready, alive, "fine", advisory)


def test_nothing_is_ready_without_evidence():
    assert not HealthReport([]).ready
    assert HealthReport([]).alive


def test_one_unready_component_makes_the_whole_unready_but_not_dead():
    report = HealthReport([make_component(None), make_component("stream", ready=False)])
    assert not report.ready
    assert report.alive


def test_what_only_watches_is_shown_but_decides_nothing():
    failed = make_component("stream", ready=False, alive=False, advisory=True)
    report = HealthReport([make_component("stream"), failed])
    assert (report.ready, report.alive) == (True, True)
    assert report.components[1] is failed


def test_what_only_watches_is_no_evidence_that_anything_is_ready():
    assert not HealthReport([make_component("stream", advisory=True)]).ready


def test_a_role_is_asked_for_its_own_components_and_for_those_that_all_need():
    board = HealthBoard()
    for role, ready in ((None, True), ("stream", False), ("http", True)):
        board.add(lambda role=role, ready=ready: make_component(role, ready=ready))
    assert [c.role for c in board.report("http").components] == [None, "http"]
    assert board.report("http").ready
    assert not board.report("stream").ready
    assert len(board.report().components) == 3


def test_a_check_is_asked_anew_for_every_report():
    states = iter([False, True])
    board = HealthBoard()
    board.add(lambda: make_component("stream", ready=next(states)))
    assert [board.report().ready, board.report().ready] == [False, True]
