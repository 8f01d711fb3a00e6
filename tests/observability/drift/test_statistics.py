import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from scoreline.models.baseline.baseline import Baseline
from scoreline.observability.drift.describing import describe
from scoreline.observability.drift.statistics import (
    PSI_PRIOR,
    find_js_distance,
    find_ks,
    find_mean_shift,
    find_means,
    find_psi,
    lay_out,
    share,
)
from tests.observability.drift.streams import BLOCK, COLOUR, GRID, OUTPUT, SPEED, WEIGHT, add_up, count, draw_rows

LAYOUT = lay_out(GRID)
EXACT = {"rtol": 0, "atol": 1e-12}


def with_everything(seed, rows):
    """Rows with nulls, infinities, negative zeros, and numbers outside the grid."""
    rng = np.random.default_rng(seed)
    found = draw_rows(seed, rows)
    found[rng.random(found.shape) < 0.1] = np.nan
    found[rng.random(rows) < 0.05, SPEED] = np.inf
    found[rng.random(rows) < 0.05, WEIGHT] = -np.inf
    found[rng.random(rows) < 0.05, WEIGHT] = -0.0
    found[rng.random(rows) < 0.05, OUTPUT] = 1.5
    return found


PAIRS = [
    (with_everything(1, 500), with_everything(2, 3000)),
    (draw_rows(1, 1), draw_rows(2, 3000)),
    (with_everything(3, 40), with_everything(4, 1)),
    (np.full((20, 4), np.nan), draw_rows(5, 700)),
]
BASELINE = Baseline(GRID, count(draw_rows(0, 4000)), np.array([1.0, 16.0, 0, 0.4]), np.array([0.7, 11.0, 0, 0.2]))


def axis_bins(counts, axis):
    return counts.bins[GRID.slice_of(axis)]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_the_js_distance_is_scipys_on_the_same_bins(ours, theirs):
    a, b = count(ours), count(theirs)
    found = find_js_distance(LAYOUT, share(a.bins, a.rows), share(b.bins, b.rows))
    expected = [jensenshannon(axis_bins(a, axis), axis_bins(b, axis), base=2) for axis in range(4)]
    np.testing.assert_allclose(found, expected, **EXACT)


def test_the_js_distance_of_nearly_the_same_is_scipys_too():
    a, b = count(draw_rows(1, 4000)), count(np.concatenate([draw_rows(1, 4000), draw_rows(9, 1)]))
    found = find_js_distance(LAYOUT, share(a.bins, a.rows), share(b.bins, b.rows))
    expected = [jensenshannon(axis_bins(a, axis), axis_bins(b, axis), base=2) for axis in range(4)]
    np.testing.assert_allclose(found, expected, **EXACT)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_the_ks_statistic_is_scipys_on_the_number_of_the_bin(ours, theirs):
    a, b = count(ours), count(theirs)
    found = find_ks(LAYOUT, a.bins, b.bins)
    for axis in (SPEED, WEIGHT, OUTPUT):
        ours_there, theirs_there = axis_bins(a, axis)[:-1], axis_bins(b, axis)[:-1]
        if not (ours_there.any() and theirs_there.any()):
            assert found[axis] == 0
            continue
        numbers = np.arange(len(ours_there))
        expected = stats.ks_2samp(np.repeat(numbers, ours_there), np.repeat(numbers, theirs_there), method="asymp")
        assert found[axis] == pytest.approx(expected.statistic, abs=1e-12)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_psi_is_both_kullback_leibler_divergences_of_counts_with_half_a_row_more_in_each_bin(ours, theirs):
    a, b = count(ours), count(theirs)
    found = find_psi(LAYOUT, a.bins, a.rows, b.bins, b.rows)
    for axis in range(4):
        p, q = axis_bins(a, axis) + PSI_PRIOR, axis_bins(b, axis) + PSI_PRIOR
        assert found[axis] == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_is_that_of_the_values_and_not_of_their_bins(seed):
    rows = draw_rows(seed, 300)
    rows[::7, SPEED] = np.nan
    counts = count(rows)
    np.testing.assert_allclose(find_means(LAYOUT, counts)[:2], np.nanmean(rows[:, :2], axis=0), **EXACT)
    shift = find_mean_shift(LAYOUT, counts, BASELINE)
    assert shift[SPEED] == pytest.approx((np.nanmean(rows[:, SPEED]) - 1.0) / 0.7, abs=1e-12)
    assert np.isnan(shift[COLOUR])


def test_ratios_are_shares_of_all_rows():
    rows = draw_rows(1, 100)
    rows[:10, COLOUR] = np.nan
    rows[:20, SPEED] = np.nan
    rows[20:50, SPEED] = 9.0
    rows[50:60, SPEED] = -np.inf
    found = describe(LAYOUT, count(rows, unseen=4), BASELINE)
    assert found[COLOUR]["unseen_ratio"] == pytest.approx(0.04)
    assert found[COLOUR]["missing_ratio"] == pytest.approx(0.06)
    assert found[SPEED]["missing_ratio"] == pytest.approx(0.2)
    assert found[SPEED]["outside_ratio"] == pytest.approx(0.4)


def test_statistics_that_mean_nothing_for_an_axis_are_left_out():
    rows = draw_rows(1, 100)
    rows[:, SPEED] = np.nan
    rows[0, WEIGHT] = np.inf
    speed, weight, colour, output = describe(LAYOUT, count(rows), BASELINE)
    numeric = {"js_distance", "psi", "ks", "mean_shift", "missing_ratio", "outside_ratio"}
    assert set(output) == numeric
    assert set(speed) == set(weight) == numeric - {"mean_shift"}
    assert set(colour) == {"js_distance", "psi", "missing_ratio", "unseen_ratio"}


def test_no_rows_have_finite_statistics():
    empty = GRID.make_empty()
    for found in describe(LAYOUT, empty, BASELINE):
        assert all(np.isfinite(value) for value in found.values())
    same = find_js_distance(LAYOUT, share(empty.bins, 0), share(empty.bins, 0))
    assert not same.any()


def test_windows_that_are_merged_have_the_statistics_of_rows_that_are_counted_together():
    parts = [with_everything(seed, BLOCK) for seed in range(5)]
    merged, together = add_up([count(part) for part in parts]), count(np.concatenate(parts))
    assert describe(LAYOUT, merged, BASELINE)[WEIGHT] == pytest.approx(describe(LAYOUT, together, BASELINE)[WEIGHT])
    assert np.array_equal(merged.bins, together.bins)


def test_the_last_dimension_is_the_grid_and_others_are_the_callers():
    windows = [count(draw_rows(seed)) for seed in range(6)]
    stacked = share(np.stack([w.bins for w in windows]).reshape(2, 3, -1), np.full((2, 3), 512.0))
    theirs = share(BASELINE.total.bins, BASELINE.total.rows)
    found = find_js_distance(LAYOUT, stacked, theirs)
    assert found.shape == (2, 3, 4)
    np.testing.assert_array_equal(found[1, 2], find_js_distance(LAYOUT, share(windows[5].bins, 512), theirs))
