import weakref
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from scoreline.models.baseline.blocks import PackedBlocks
from scoreline.observability.drift.describing import describe
from scoreline.observability.drift.states import Rule, State, Window
from scoreline.observability.drift.statistics import lay_out
from tests.observability.drift.streams import (
    BLOCK,
    COLOUR,
    GRID,
    OUTPUT,
    SPEED,
    count,
    draw_rows,
    fill,
    make_baseline,
    make_judge,
    make_window,
    shift,
)

OK, WARNING, DRIFT, NO_DATA = State.OK, State.WARNING, State.DRIFT, State.NO_DATA


@cache
def _ordered():
    return make_judge(make_baseline(40))


@cache
def _unordered():
    return make_judge(make_baseline(40, ordered=False))


def take(make):
    judge = make()
    judge.reset()
    return judge


@pytest.fixture
def judge():
    return take(_ordered)


@pytest.fixture
def uncalibrated():
    return take(_unordered)


def same(rows):
    return rows


def follow(judge, changes):
    """Judge a window for each; gives (axis, earlier, state) of what each has changed."""
    found = []
    for number, change in enumerate(changes, start=1):
        changed = judge.judge(make_window(number, change))
        found.append([(each.axis, each.earlier, each.state) for each in changed])
    return found


def states(judge):
    return [axis.state for axis in judge.read().axes]


def test_before_its_first_window_it_has_no_data(judge):
    judgement = judge.read()
    assert judgement.window is None
    assert [axis.name for axis in judgement.axes] == list(GRID.names)
    assert {(a.state, a.cause, a.since_ms, a.score) for a in judgement.axes} == {(NO_DATA, None, None, None)}


def test_steady_windows_are_ok_and_change_nothing_that_anybody_is_called_for(judge):
    assert follow(judge, [same] * 20) == [[]] * 20
    assert states(judge) == [OK] * 4
    assert {axis.since_ms for axis in judge.read().axes} == {1}


def test_drift_is_raised_by_the_second_window_and_cleared_by_the_third_without(judge):
    red = fill(COLOUR, 0)
    found = follow(judge, [same, red, red, same, same, same, same])
    assert found == [[], [], [(COLOUR, OK, DRIFT)], [], [], [(COLOUR, DRIFT, OK)], []]


def test_one_window_alone_raises_nothing(judge):
    assert follow(judge, [same, fill(COLOUR, 0), same, same, same])[1:] == [[]] * 4


def test_what_raised_it_is_told_with_value_and_threshold(judge):
    judge.judge(make_window(1, shift(OUTPUT, 0.15)))
    (change,) = judge.judge(make_window(2, shift(OUTPUT, 0.15)))
    assert (change.name, change.at_ms) == ("output:prediction", 2)
    assert (change.cause.rule, change.cause.windows) == (Rule.CALIBRATED, 1)
    assert change.cause.value > change.cause.threshold
    axis = judge.read().axes[OUTPUT]
    assert (axis.state, axis.cause, axis.since_ms) == (DRIFT, change.cause, 2)
    assert axis.score >= change.cause.value / change.cause.threshold


def test_what_cleared_is_told_with_the_cause_that_it_had(judge):
    follow(judge, [fill(COLOUR, 0)] * 2)
    cause = judge.read().axes[COLOUR].cause
    changes = [change for number in range(3, 6) for change in judge.judge(make_window(number))]
    assert [(change.axis, change.earlier, change.state) for change in changes] == [(COLOUR, DRIFT, OK)]
    assert changes[0].cause == cause
    assert judge.read().axes[COLOUR].cause is None


def test_the_plain_rule_only_warns_beside_a_calibrated_one():
    judge = make_judge(make_baseline(40), relative_threshold=0.02)
    found = follow(judge, [shift(SPEED, 0.06)] * 3)
    assert found == [[], [(SPEED, OK, WARNING)], []]
    assert judge.read().axes[SPEED].cause.rule is Rule.RELATIVE_MEAN
    assert judge.read().axes[SPEED].score > 1


def test_the_plain_rule_is_drift_without_a_calibrated_one(uncalibrated):
    found = follow(uncalibrated, [shift(SPEED, 0.5)] * 3)
    assert found == [[], [(SPEED, OK, DRIFT)], []]
    assert uncalibrated.read().axes[SPEED].cause.rule is Rule.RELATIVE_MEAN


def test_a_baseline_without_order_says_uncalibrated_and_has_floors(uncalibrated):
    assert uncalibrated.read().calibrated == {1: False, 4: False, 16: False, 0: False}
    assert follow(uncalibrated, [same] * 5) == [[]] * 5
    assert follow(uncalibrated, [fill(COLOUR, 2)] * 2)[-1] == [(COLOUR, OK, DRIFT)]
    assert uncalibrated.read().axes[COLOUR].cause.rule is Rule.FLOOR


def test_a_learned_baseline_of_four_windows_is_uncalibrated():
    judge = make_judge(make_baseline(4, ordered=False, learned_at_ms=5))
    assert not any(judge.read().calibrated.values())
    assert follow(judge, [same] * 6) == [[]] * 6


def test_an_ordered_baseline_says_which_lengths_are_calibrated(judge):
    assert judge.read().calibrated == {1: True, 4: False, 16: False, 0: False}


def test_an_alarm_does_not_wait_for_the_window_to_end(judge):
    judge.judge(make_window(1))
    (change,) = judge.look(make_window(2, fill(SPEED, np.nan)))
    assert (change.axis, change.state, change.cause.rule) == (SPEED, DRIFT, Rule.QUALITY)
    assert judge.read().axes[SPEED].score == pytest.approx(2.0)
    assert judge.read().window.ended_at_ms == 1


def test_an_alarm_is_there_before_the_first_window(judge):
    assert [change.earlier for change in judge.look(make_window(1, fill(SPEED, np.nan)))] == [NO_DATA]
    assert states(judge) == [DRIFT, NO_DATA, NO_DATA, NO_DATA]


def test_an_alarm_clears_after_three_looks_and_the_state_is_what_windows_say(judge):
    judge.judge(make_window(1))
    judge.look(make_window(2, fill(SPEED, np.nan)))
    found = [judge.look(make_window(number)) for number in range(3, 6)]
    assert [len(each) for each in found] == [0, 0, 1]
    assert states(judge) == [OK] * 4


def test_a_swap_begins_anew_with_the_same_baseline(judge):
    follow(judge, [fill(COLOUR, 0)] * 4)
    judge.look(make_window(5, fill(SPEED, np.nan)))
    judge.reset()
    assert states(judge) == [NO_DATA] * 4
    assert judge.read().window is None
    assert follow(judge, [fill(COLOUR, 0)] * 2) == [[], [(COLOUR, OK, DRIFT)]]


@pytest.mark.parametrize("rows", [0, 1, 499])
def test_too_few_rows_are_not_judged(judge, rows):
    counts = count(fill(COLOUR, 0)(draw_rows(1, rows))) if rows else GRID.make_empty()
    window = Window(counts, 0, 1)
    assert [judge.judge(window) for _ in range(3)] == [[]] * 3
    assert judge.read().window is None


@pytest.mark.parametrize("rows", [500, 512, 700, 512 + 2048])
def test_windows_of_other_sizes_are_judged_too(judge, rows):
    windows = [Window(count(draw_rows(20_000 + i, rows)), i, i + 1) for i in range(6)]
    assert [judge.judge(window) for window in windows] == [[]] * 6
    shifted = [Window(count(fill(COLOUR, 0)(draw_rows(i, rows))), i, i + 1) for i in range(2)]
    assert [len(judge.judge(window)) for window in shifted] == [0, 1]


def test_a_feature_without_a_value_is_judged_by_what_is_missing(judge):
    follow(judge, [fill(SPEED, np.nan)] * 2)
    axis = judge.read().axes[SPEED]
    assert (axis.state, axis.cause.statistic) == (DRIFT, "missing_ratio")
    assert "mean_shift" not in axis.statistics


def test_what_was_read_is_not_changed_by_what_comes(judge):
    judge.judge(make_window(1))
    before = judge.read()
    follow(judge, [fill(COLOUR, 0)] * 3)
    assert [axis.state for axis in before.axes] == [OK] * 4
    assert before.window.ended_at_ms == 1
    expected = describe(lay_out(GRID), make_window(1).counts, make_baseline(40))
    assert [axis.statistics for axis in before.axes] == expected


def test_windows_may_end_between_blocks():
    """As many rows as no number of blocks has."""
    assert 512 % BLOCK == 0
    judge = take(_ordered)
    windows = [Window(count(draw_rows(30_000 + i, 512 + 77)), i, i + 1) for i in range(5)]
    assert [judge.judge(window) for window in windows] == [[]] * 5


def test_the_blocks_of_a_baseline_go_once_it_is_calibrated():
    baseline = make_baseline(40)
    blocks = PackedBlocks.pack(GRID, baseline.blocks)
    kept = weakref.ref(blocks)
    judge = make_judge(replace(baseline, blocks=blocks))
    del blocks

    assert kept() is None
    assert any(judge.read().calibrated.values())


def test_values_that_add_up_to_no_number_have_no_mean_and_are_judged_all_the_same(judge):
    follow(judge, [fill(SPEED, 1.7e308), fill(SPEED, -1.7e308)])

    (speed, *_) = judge.read().axes
    assert speed.state is DRIFT
    assert "mean_shift" not in speed.statistics
