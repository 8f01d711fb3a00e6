"""What every path scores, by version: counted, judged, told; and what becomes of it when versions come and go."""

import logging
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest

from scoreline.errors import ModelRejected, Unavailable
from scoreline.models.live_route import LiveRoute
from scoreline.models.reloading import Look, ReloadOutcome
from scoreline.observability.drift import monitor
from scoreline.observability.drift.judging import RETRY_SECONDS
from scoreline.observability.drift.states import State
from scoreline.observability.drift.watching import MOST_WAITING_ROWS
from scoreline.observability.drift.windows import WindowLimits
from tests.observability.batches import make_batch, make_records
from tests.observability.drift.scenes import (
    GRID,
    START_MS,
    Scene,
    ScriptedJudge,
    make_baseline,
    make_change,
    make_counts,
    make_rows,
    make_version,
)


def swap(scene, *numbers):
    scene.resident |= set(numbers)
    live = LiveRoute(tuple(scene.versions[number] for number in numbers), bounds=tuple(range(1, len(numbers))))
    scene.monitor.looked(Look(ReloadOutcome.RELOADED, live))


def raise_drift(scene, number=3, *, axes=(0,)):
    """Have a window of a version raise features, which is told."""
    judge = next(j for j, version in zip(scene.judges, sorted(scene.resident), strict=False) if version == number)
    judge.to_say.append([make_change(axis) for axis in axes])
    scene.score(1000, number)
    scene.turn()


def tell_events(scene):
    return [
        (event.version, event.change.name, event.change.earlier, event.change.state)
        for events in scene.events
        for event in events
    ]


def test_rows_of_small_requests_are_judged_together():
    scene = Scene()
    for _ in range(1024):
        scene.score(1, x=2.0)
    scene.turn()

    (window,) = scene.judge.judged
    assert window.counts.rows == 1024
    np.testing.assert_array_equal(window.counts.bins, make_counts(1024, x=2.0).bins)


def test_rows_that_came_before_the_baseline_are_counted_with_it():
    scene = Scene()
    scene.score(600)
    assert scene.judges == []
    scene.turn()
    scene.score(600)
    scene.turn()

    assert [window.counts.rows for window in scene.judge.judged] == [1200]
    assert scene.wakes == 2


def test_what_was_gathered_is_counted_at_the_next_tick():
    scene = Scene()
    scene.score(5)
    scene.turn()

    assert "5 rows in the window" in scene.monitor.describe()


def test_a_window_ends_by_time_though_nothing_comes():
    scene = Scene(limits=WindowLimits(4096, 60.0))
    scene.score(700)
    scene.turn()
    scene.turn(59.0)
    assert scene.judge.judged == []
    scene.turn(1.0)

    (window,) = scene.judge.judged
    assert (window.counts.rows, window.began_at_ms) == (700, START_MS)


def test_rows_are_looked_at_before_a_window_ends():
    scene = Scene(limits=WindowLimits(4096, 60.0))
    scene.turn()
    scene.score(600, x=7.0)
    scene.turn()

    assert [recent.counts.rows for recent in scene.judge.looked] == [600]
    assert scene.judge.judged == []


def test_a_batch_of_the_stream_is_counted_for_each_version_without_rows_that_have_no_output():
    scene = Scene(limits=WindowLimits(500, 60.0), live=(1, 2), baselines={})
    batch = make_batch(make_records(8), positions={1: range(5), 2: range(5, 8)}, infinite=(0, 3))
    scene.monitor.batch_scored(batch)
    scene.turn()

    assert [learner.rows for learner in scene.learners] == [3, 3]


def test_levels_that_were_never_seen_are_counted_as_such():
    scene = Scene()
    scene.turn()
    scene.score(1000, unseen=200)
    scene.turn()

    unseen, missing = scene.judge.judged[0].counts.bins[GRID.slice_of(1)][-2:]
    assert (unseen, missing) == (200, 0)


def test_changes_are_told_with_their_version():
    scene = Scene()
    scene.turn()
    change = make_change()
    scene.judge.to_say.append([change])
    scene.score(1000)
    scene.turn()

    ((event,),) = scene.events
    assert (event.model, event.version, event.change, event.raised) == ("flights", 3, change, True)


def test_a_version_without_a_baseline_learns_it_from_its_first_windows():
    scene = Scene(baselines={})
    scene.score(1000)
    scene.turn()
    assert scene.judges == []
    assert "learning the baseline" in scene.monitor.describe()
    scene.score(1000)
    scene.turn()

    (reading,) = scene.monitor.read()
    assert reading.baseline.learned_at_ms == START_MS
    assert reading.baseline.total.rows == 2000
    scene.score(1000)
    scene.turn()
    assert [window.counts.rows for window in scene.judge.judged] == [1000]


def test_rows_behind_those_that_were_learned_from_are_judged():
    scene = Scene(baselines={})
    for _ in range(3):
        scene.score(1000)
    scene.turn()

    assert scene.monitor.read()[0].baseline.total.rows == 2000
    assert [window.counts.rows for window in scene.judge.judged] == [1000]


def test_a_window_to_learn_from_ends_by_time_as_well():
    scene = Scene(baselines={}, limits=WindowLimits(4096, 60.0))
    scene.score(600)
    scene.turn()
    scene.turn(60.0)

    assert scene.learners[0].left == 1


def test_a_store_that_is_away_is_asked_again_later():
    scene = Scene(baselines={3: Unavailable("no route")})
    scene.turn()
    scene.turn(RETRY_SECONDS - 1)
    assert scene.asked == [3]
    assert "no route" in scene.monitor.describe()
    scene.baselines[3] = make_baseline()
    scene.turn(1.0)

    assert scene.asked == [3, 3]
    assert len(scene.judges) == 1


def test_a_damaged_baseline_is_told_once_and_another_one_learned(caplog):
    scene = Scene(baselines={3: ModelRejected("it is cut")})
    for _ in range(2):
        scene.score(1000)
        scene.turn()

    lines = [record for record in caplog.records if record.event == "baseline_rejected"]
    assert len(lines) == 1
    assert "it is cut" in lines[0].getMessage()
    assert scene.monitor.read()[0].baseline.learned_at_ms is not None


def test_rows_that_find_no_room_before_there_is_a_baseline_are_told():
    scene = Scene(baselines={3: Unavailable("no route")})
    for _ in range(3):
        scene.score(MOST_WAITING_ROWS // 2)
    scene.turn()

    assert f"{MOST_WAITING_ROWS // 2} rows were not counted" in scene.monitor.describe()


def test_a_judge_gets_the_blocks_and_nobody_else_keeps_them():
    scene = Scene(baselines={3: make_baseline(blocks=[make_counts(10)])})
    scene.turn()

    assert scene.judge.baseline.blocks is not None
    (reading,) = scene.monitor.read()
    assert reading.baseline.blocks is None
    assert reading.time_ordered


def test_after_a_swap_windows_of_those_that_came_and_went_begin_anew():
    scene = Scene(live=(3, 4), baselines={3: make_baseline(), 4: make_baseline(), 2: make_baseline()})
    for number in (3, 4):
        scene.score(600, number)
    scene.turn()
    swap(scene, 2, 4)
    scene.score(600, 3)
    scene.score(600, 4)
    scene.turn()

    went, stayed, came = scene.judges
    assert (went.resets, stayed.resets, came.resets) == (1, 0, 1)
    assert [len(judge.judged) for judge in scene.judges] == [0, 1, 0]


def test_a_look_that_changes_nothing_resets_nothing():
    scene = Scene()
    scene.turn()
    scene.monitor.looked(Look(ReloadOutcome.STORE_AWAY, LiveRoute((scene.versions[3],)), "away"))
    scene.turn()

    assert scene.judge.resets == 0


def test_a_version_that_is_not_loaded_any_more_is_not_watched():
    scene = Scene(live=(3,))
    scene.score(600)
    scene.turn()
    scene.resident = set()
    scene.turn()

    assert scene.monitor.read() == []


def test_a_learned_baseline_is_there_again_with_its_version():
    scene = Scene(live=(), baselines={})
    scene.resident = {3}
    for _ in range(2):
        scene.score(1000)
        scene.turn()
    scene.resident = set()
    scene.turn()
    scene.resident = {3}
    scene.score(1000)
    scene.turn()

    assert scene.asked == [3]
    assert [len(judge.judged) for judge in scene.judges] == [1]
    assert scene.monitor.read()[0].baseline.learned_at_ms == START_MS


def test_a_version_that_is_pinned_again_is_not_calibrated_again():
    scene = Scene(live=(3,), baselines={3: make_baseline(blocks=[make_counts(10)]), 4: make_baseline()})
    for resident in ({3}, {4}, {3}, {4}, {3}):
        scene.resident = resident
        for number in resident:
            scene.score(600, number)
        scene.turn()

    assert scene.asked == [3, 4]
    (reading,) = scene.monitor.read()
    assert (reading.time_ordered, reading.detail) == (True, "")
    scene.score(400)
    scene.turn()
    assert [window.counts.rows for window in scene.judges[0].judged] == [1000]


def test_what_was_kept_of_a_number_is_not_used_for_another_model():
    scene = Scene(live=(3,))
    scene.turn()
    scene.resident = set()
    scene.turn()
    scene.versions[3] = replace(scene.versions[3], sha256="f" * 64)
    scene.resident = {3}
    scene.score(1)
    scene.turn()

    assert scene.asked == [3, 3]


def test_versions_that_come_and_go_while_another_is_calibrated_leave_nothing():
    scene = Scene(live=(3,), baselines={number: make_baseline() for number in range(60)})

    def pin_many(baseline):
        for number in range(10, 60):
            scene.versions[number] = make_version(number)
            scene.resident = {3, number}
            scene.score(5000, number)
        watched.append(len(scene.monitor.read()))
        return ScriptedJudge(baseline)

    watched = []
    scene.make_judge = pin_many
    scene.turn()

    assert watched == [2]
    assert [each.version.version for each in scene.monitor.read()] == [3, 59]
    assert "not counted" not in scene.monitor.describe()


def test_a_version_that_goes_while_another_is_calibrated_is_not_calibrated_any_more():
    scene = Scene(live=(3, 4), baselines={3: make_baseline(), 4: make_baseline()})

    def lose_another(baseline):
        scene.resident = {3}
        return ScriptedJudge(baseline)

    scene.make_judge = lose_another
    scene.turn()

    assert scene.asked == [3]
    assert [each.version.version for each in scene.monitor.read()] == [3]


def test_rows_of_all_versions_wait_in_one_room(monkeypatch):
    monkeypatch.setattr(monitor, "MOST_WAITING_BYTES", 3 * make_rows(1000).size)
    scene = Scene(live=(1, 2, 3, 4), baselines=dict.fromkeys((1, 2, 3, 4), Unavailable("no route")))
    for number in (1, 2, 3, 4):
        scene.score(1000, number)
    assert scene.monitor.describe().count("1000 rows were not counted") == 1
    scene.resident = {2, 3, 4}
    scene.turn()
    scene.score(1000, 4)

    assert scene.monitor.describe().count("1000 rows were not counted") == 1


def test_windows_that_nobody_judges_in_time_are_counted():
    scene = Scene()
    scene.turn()
    for _ in range(70):
        scene.score(1000)
    scene.turn()

    assert len(scene.judge.judged) == 64
    assert scene.monitor.dropped == 6
    assert "6 windows were not judged" in scene.monitor.describe()


def test_a_judge_that_fails_ends_the_watch_of_its_version_alone(caplog):
    scene = Scene(live=(2, 3), baselines={2: make_baseline(), 3: make_baseline()})
    scene.turn()
    broken, sound = scene.judges
    broken.error = ZeroDivisionError("a defect")
    for number in (2, 3):
        scene.score(1000, number)
    scene.turn()
    scene.score(1000, 2)
    scene.turn()

    assert len(sound.judged) == 1
    assert [record.version for record in caplog.records if record.event == "drift_failed"] == [2]
    assert "version 2: not watched any more: ZeroDivisionError: a defect" in scene.monitor.describe()
    assert scene.monitor.read()[0].judgement is None


@pytest.mark.parametrize("rows", [1, 1000])
def test_rows_that_cannot_be_counted_end_the_watch_of_their_version_and_never_hurt_whoever_brings_them(rows, caplog):
    scene = Scene()
    scene.turn()
    raise_drift(scene, axes=(0, 1))
    scene.score(400)
    scene.score(1)
    scene.monitor.rows_scored(scene.versions[3], np.zeros((rows, 7)), np.zeros(7, dtype=np.int64), np.zeros(rows))
    for _ in range(2):
        scene.turn()
        scene.score(1000)

    assert [record.levelno for record in caplog.records if record.event == "drift_failed"] == [logging.ERROR]
    assert "version 3: not watched any more: " in scene.monitor.describe()
    (reading,) = scene.monitor.read()
    assert reading.judgement is None
    assert reading.detail.startswith("not watched any more: ")
    assert tell_events(scene)[2:] == [(3, name, State.DRIFT, State.NO_DATA) for name in ("x", "carrier")]
    assert len(scene.judge.judged) == 1


def test_what_is_shown_of_a_version_that_is_not_watched_any_more_stays_the_same():
    scene = Scene()
    scene.turn()
    scene.monitor.rows_scored(scene.versions[3], np.zeros((9, 7)), np.zeros(7, dtype=np.int64), np.zeros(9))
    scene.turn()
    (reading,) = scene.monitor.read()
    scene.turn()

    assert scene.monitor.read()[0] is reading


def test_rows_that_wait_for_a_baseline_go_with_a_failure():
    scene = Scene(baselines={3: Unavailable("no route")})
    scene.score(MOST_WAITING_ROWS)
    scene.turn()
    scene.score(3)
    scene.monitor.rows_scored(scene.versions[3], np.zeros((1, 7)), np.zeros(7, dtype=np.int64), np.zeros(1))
    scene.turn()
    scene.score(1000)

    assert "rows were not counted" not in scene.monitor.describe()
    assert "not watched any more" in scene.monitor.describe()


@pytest.mark.parametrize("numbers", [(2,), (2, 4)])
def test_what_was_raised_is_cleared_by_a_swap(numbers):
    scene = Scene(live=(3, 4), baselines={number: make_baseline() for number in (2, 3, 4)})
    scene.turn()
    raise_drift(scene, 3, axes=(0, 2))
    raise_drift(scene, 4)
    swap(scene, *numbers)
    scene.turn(5.0)

    cleared = [(3, name, State.DRIFT, State.NO_DATA) for name in ("x", "output:prediction")]
    cleared += [(4, "x", State.DRIFT, State.NO_DATA)] * (4 not in numbers)
    assert tell_events(scene)[3:] == cleared
    last = scene.events[-1][-1]
    assert (last.raised, last.change.cause, last.change.at_ms) == (False, make_change().cause, START_MS + 5000)
    scene.turn()
    assert len(tell_events(scene)) == 3 + len(cleared)


def test_what_was_raised_is_cleared_when_its_version_goes_and_what_was_cleared_before_is_not():
    scene = Scene()
    scene.turn()
    raise_drift(scene, axes=(0, 1))
    scene.judge.to_say.append([make_change(1, earlier=State.DRIFT, state=State.OK)])
    scene.score(1000)
    scene.turn()
    scene.resident = set()
    scene.turn()
    scene.turn()

    assert tell_events(scene)[3:] == [(3, "x", State.DRIFT, State.NO_DATA)]


def test_what_was_raised_is_cleared_where_its_judge_fails():
    scene = Scene()
    scene.turn()
    raise_drift(scene)
    scene.judge.error = ZeroDivisionError("a defect")
    scene.score(1000)
    scene.turn()

    assert tell_events(scene)[1:] == [(3, "x", State.DRIFT, State.NO_DATA)]


def test_behind_a_backlog_each_window_is_looked_at_and_then_judged():
    scene = Scene()
    scene.turn()
    for _ in range(3):
        scene.score(1000)
    scene.score(600)
    scene.turn()

    assert [recent.counts.rows for recent in scene.judge.looked] == [1000, 1000, 1000, 600]
    assert [window.counts.rows for window in scene.judge.judged] == [1000] * 3


def test_a_wall_clock_that_is_set_back_ends_windows_in_time():
    scene = Scene(limits=WindowLimits(4096, 60.0))
    scene.turn()
    scene.score(700)
    scene.set_by = -3600.0
    scene.turn(60.0)

    assert [window.counts.rows for window in scene.judge.judged] == [700]


def test_before_the_first_window_there_is_no_data():
    scene = Scene()
    scene.score(600)
    scene.turn()

    (reading,) = scene.monitor.read()
    assert {axis.state for axis in reading.judgement.axes} == {State.NO_DATA}


def test_others_are_judged_while_one_is_loaded_or_calibrated():
    scene = Scene(live=(3, 4), baselines={number: make_baseline() for number in (2, 3, 4)})
    scene.turn()
    scene.beside = lambda _: next(slow)
    loading, calibrating = Future(), Future()
    slow = iter((loading, calibrating))
    scene.resident = {2, 3, 4}
    for came, judged in ((None, 1), (loading, 2), (calibrating, 3)):
        if came is loading:
            came.set_result(make_baseline())
        elif came is calibrating:
            came.set_result(ScriptedJudge(make_baseline()))
        for number in (2, 3, 4):
            scene.score(1000, number)
        scene.turn()
        assert [len(judge.judged) for judge in scene.judges] == [judged] * 2

    assert scene.monitor.read()[0].judgement.window.counts.rows == 1000


def test_a_version_waits_while_another_one_is_calibrated():
    scene = Scene(baselines={3: make_baseline()})
    scene.beside = lambda _: None
    scene.score(1000)
    for _ in range(2):
        scene.turn()
    assert scene.asked == []
    scene.beside = None
    scene.turn()

    assert [len(judge.judged) for judge in scene.judges] == [1]


def test_a_calibration_that_fails_ends_the_watch_of_its_version(caplog):
    scene = Scene()
    failed = Future()
    failed.set_exception(ZeroDivisionError("a defect"))
    scene.turn()
    scene.resident, scene.baselines[4] = {4}, make_baseline()
    loaded = Future()
    loaded.set_result(make_baseline())
    answers = iter((loaded, failed))
    scene.beside = lambda _: next(answers)
    scene.score(600, 4)
    scene.turn()

    assert "version 4: not watched any more: ZeroDivisionError: a defect" in scene.monitor.describe()
