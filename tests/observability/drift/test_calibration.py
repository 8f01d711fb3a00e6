from functools import cache

import numpy as np
import pytest

from scoreline.models.baseline.baseline import Baseline
from scoreline.observability.drift.calibration import LEAST_WINDOWS, calibrate
from scoreline.observability.drift.departures import DEPARTURES, LEAST
from scoreline.observability.drift.resampling import PARTS, draw, find_part
from tests.observability.drift.streams import COLOUR, GRID, ROWS, SPEED, WEIGHT, add_up, make_baseline, shift

BASELINE = make_baseline(2 * LEAST_WINDOWS)


def find(baseline, rows, false_alarm_windows=200, window_records=ROWS):
    ladder = calibrate(baseline, window_records=window_records, false_alarm_windows=false_alarm_windows)
    return ladder.find(rows)


@cache
def steady_ladder():
    return calibrate(BASELINE, window_records=ROWS, false_alarm_windows=200)


def steady(rows):
    return steady_ladder().find(rows)


def test_the_same_baseline_has_the_same_limits():
    assert np.array_equal(steady(ROWS).limits, find(make_baseline(2 * LEAST_WINDOWS), ROWS).limits)


def test_a_length_is_calibrated_if_the_baseline_has_twenty_windows_of_it():
    assert [steady(n * ROWS).calibrated for n in (1, 4, 16)] == [True, False, False]
    assert not find(make_baseline(LEAST_WINDOWS - 1), ROWS).calibrated
    assert find(make_baseline(LEAST_WINDOWS), ROWS).calibrated


@pytest.mark.parametrize("rows", [500, ROWS, 4 * ROWS, 16 * ROWS])
def test_a_baseline_without_order_calibrates_nothing(rows):
    assert not find(make_baseline(40, ordered=False), rows).calibrated


def test_a_restless_axis_has_more_room():
    """A weight that is another one in every sixteen blocks; the speed beside it stays as it was."""
    blocks = list(BASELINE.blocks)
    restless = make_baseline(2 * LEAST_WINDOWS, change=shift(WEIGHT, 15.0)).blocks
    part = GRID.slice_of(WEIGHT)
    for i, block in enumerate(restless):
        if i // 4 % 2:
            blocks[i] = blocks[i].copy()
            blocks[i].bins[part] = block.bins[part]
    limits = find(Baseline(GRID, add_up(blocks), BASELINE.means, BASELINE.deviations, blocks), ROWS).limits
    usual = steady(ROWS).limits
    assert limits[0, WEIGHT] > 1.5 * usual[0, WEIGHT]
    assert limits[0, SPEED] < 1.3 * usual[0, SPEED]


def test_limits_lie_between_what_is_worth_telling_and_what_is_possible():
    limits = steady(ROWS).limits
    assert (limits >= LEAST[:, np.newaxis]).all()
    assert (limits < 1).all()


def test_floors_of_longer_windows_are_no_lower_than_the_limits_of_the_longest_calibrated_one():
    assert (steady(16 * ROWS).limits >= steady(ROWS).limits).all()


def test_rarer_false_alarms_need_more_room():
    often, rarely = find(BASELINE, ROWS, 20).limits, find(BASELINE, ROWS, 20_000).limits
    assert (rarely >= often).all()
    assert (rarely[0] > often[0]).all()


@pytest.mark.slow
def test_windows_that_time_has_ended_have_limits_of_their_own_size():
    baseline = make_baseline(160)
    limits = [find(baseline, rows, window_records=4 * ROWS).limits[0, SPEED] for rows in (500, 1024, 2048)]
    assert limits == sorted(limits, reverse=True)
    assert limits[0] > limits[-1]


@pytest.mark.slow
def test_windows_that_are_shorter_than_a_block_have_more_room_than_a_block():
    """Blocks of 2,048 rows tell of windows of 512 no more than that twice their distance is enough."""
    blocks = list(make_baseline(160).blocks)
    large = [add_up(blocks[i : i + 16]) for i in range(0, len(blocks), 16)]
    baseline = Baseline(GRID, add_up(large), BASELINE.means, BASELINE.deviations, large)
    short, block = find(baseline, ROWS), find(baseline, 4 * ROWS)
    assert short.calibrated
    assert short.limits[0, SPEED] > 1.5 * block.limits[0, SPEED]


def test_levels_that_come_and_go_in_the_training_make_room_for_unseen_ones():
    limits = steady(ROWS).limits[DEPARTURES.index("unseen_ratio")]
    blocks = [block.copy() for block in BASELINE.blocks]
    first = GRID.slice_of(COLOUR).start
    for block in blocks[-16:]:
        block.bins[first + 2] += block.bins[first] // 4
        block.bins[first] -= block.bins[first] // 4
    for block in blocks[:-16]:
        block.bins[first] += block.bins[first + 2]
        block.bins[first + 2] = 0
    baseline = Baseline(GRID, add_up(blocks), BASELINE.means, BASELINE.deviations, blocks)
    assert find(baseline, ROWS).limits[DEPARTURES.index("unseen_ratio"), COLOUR] > 10 * limits[COLOUR]


def test_windows_that_are_never_judged_are_refused():
    with pytest.raises(ValueError, match="windows of 499 records, expected at least 500"):
        calibrate(BASELINE, window_records=499, false_alarm_windows=200)


@pytest.mark.parametrize(("blocks", "size"), [(20, 1), (512, 25), (512, 1), (61, 3), (400, 13)])
def test_resampled_windows_have_their_size_and_each_block_once_and_from_one_part(blocks, size):
    for window in draw(blocks, size, 50, seed=1):
        found = np.concatenate([np.arange(*run) for run in zip(window.firsts, window.ends, strict=True)])
        assert len(found) == len(set(found)) == size
        first, end = find_part(blocks, window.part)
        assert first <= found.min() <= found.max() < end


def test_every_part_has_as_many_resampled_windows():
    parts = [window.part for window in draw(100, 4, 7, seed=1)]
    assert [parts.count(part) for part in range(PARTS)] == [7] * PARTS
