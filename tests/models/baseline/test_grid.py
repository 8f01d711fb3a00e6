import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scoreline.models.baseline.axes import BINS, MOST_OUTPUTS, CategoricalAxis, NumericAxis, name_outputs
from scoreline.models.baseline.grid import Grid
from tests.models.baseline.grids import GRID, NOTHING_UNSEEN, make_rows

UNDER, OVER, MISSING = 0, BINS + 1, BINS + 2


def count_column(values, axis=None) -> np.ndarray:
    """The bins of one numeric axis, counted by a grid that has only that and an output."""
    grid = Grid((axis or NumericAxis("x", 0.0, 128.0), NumericAxis("output:prediction", 0.0, 1.0, is_output=True)))
    column = np.array(values, dtype=np.float64).reshape(-1, 1)
    counts = grid.count(column, np.zeros(1, dtype=np.int64), np.zeros(len(column)))
    return counts.bins[grid.slice_of(0)]


@pytest.mark.parametrize("rows", [1, 255, 3000])
def test_bins_inside_are_those_of_numpys_histogram(rows):
    matrix, scores = make_rows(rows)
    counts = GRID.count(matrix, NOTHING_UNSEEN, scores)
    edges = np.linspace(-2.0, 3.0, BINS + 1)
    assert counts.bins[GRID.slice_of(0)][1 : BINS + 1].tolist() == np.histogram(matrix[:, 0], edges)[0].tolist()
    grown = np.expm1(np.linspace(0.0, np.log1p(400.0), BINS + 1))
    grown[-1] = 400.0
    assert counts.bins[GRID.slice_of(1)][1 : BINS + 1].tolist() == np.histogram(matrix[:, 1], grown)[0].tolist()
    shares = np.linspace(0.0, 1.0, BINS + 1)
    assert counts.bins[GRID.slice_of(4)][1 : BINS + 1].tolist() == np.histogram(scores, shares)[0].tolist()


def test_what_lies_outside_is_counted_under_over_and_missing():
    matrix, scores = make_rows(3000)
    bins = GRID.count(matrix, NOTHING_UNSEEN, scores).bins[GRID.slice_of(0)]
    speed = matrix[:, 0]
    assert (bins[UNDER], bins[OVER], bins[MISSING]) == ((speed < -2).sum(), (speed > 3).sum(), np.isnan(speed).sum())


def test_codes_have_a_bin_each_and_higher_ones_are_unseen():
    matrix, scores = make_rows(3000)
    codes = matrix[:, 3]
    codes[:7] = [5, 6, 2**31 - 1, 5, 5, np.nan, 0]
    bins = GRID.count(matrix, NOTHING_UNSEEN, scores).bins[GRID.slice_of(3)]
    assert bins[:5].tolist() == np.bincount(codes[codes < 5].astype(int), minlength=5).tolist()
    assert (bins[5], bins[6]) == (5, np.isnan(codes).sum())


def test_unseen_levels_are_parted_from_missing_ones():
    matrix = np.array([[0.0, 0.0, np.nan, 0.0], [0.0, 0.0, np.nan, 0.0], [0.0, 0.0, 1.0, 0.0]])
    counts = GRID.count(matrix, np.array([0, 0, 1, 0]), np.zeros(3))
    assert counts.bins[GRID.slice_of(2)].tolist() == [0, 1, 0, 1, 1]


def test_missing_is_never_negative_where_more_unseen_levels_are_told_than_there_are_nulls():
    """They may have been told before rows were left out."""
    counts = GRID.count(np.array([[0.0, 0.0, np.nan, 0.0]]), np.array([0, 0, 9, 0]), np.zeros(1))
    assert counts.bins[GRID.slice_of(2)].tolist() == [0, 0, 0, 1, 0]


def test_the_last_bin_of_a_feature_with_too_many_levels_holds_the_rest():
    levels = ("a", "b")
    grid = Grid((CategoricalAxis("place", 2, levels, is_cut=True), CategoricalAxis("code", 2, is_cut=True)))
    matrix = np.array([[0.0, 0.0], [1.0, 1.0], [7.0, 7.0], [np.nan, np.nan]])
    counts = grid.count(matrix, np.array([1, 0]), np.empty((4, 0)))
    assert counts.bins[grid.slice_of(0)].tolist() == [1, 2, 1, 0]
    assert counts.bins[grid.slice_of(1)].tolist() == [1, 2, 0, 1]


def test_nulls_infinities_zeros_and_ends_have_their_bins():
    bins = count_column([np.nan, -np.inf, np.inf, -0.0, 0.0, 128.0, -1e-9, 1e300, -1e308, 128 + 1e-9])
    assert np.flatnonzero(bins).tolist() == [UNDER, 1, BINS, OVER, MISSING]
    assert bins[[UNDER, 1, BINS, OVER, MISSING]].tolist() == [3, 2, 1, 3, 1]


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize(("lowest", "highest"), [(-4e307, 4e307), (1e300, 1.1e300), (0.0, 1e-290), (1e15, 1e15 + 1)])
def test_bins_of_any_size_hold_their_ends_and_not_what_is_beyond(lowest, highest, logarithmic):
    axis = NumericAxis("x", lowest, highest, logarithmic)
    far = highest - lowest
    bins = count_column([lowest, highest, lowest - far, highest + far, -1.7e308, 1.7e308], axis)
    assert bins[[UNDER, 1, BINS, OVER]].tolist() == [2, 1, 1, 2]


def test_no_rows_are_counted_as_none():
    counts = GRID.count(np.empty((0, 4)), NOTHING_UNSEEN, np.empty(0))
    assert (counts.rows, counts.bins.sum(), counts.sums.tolist()) == (0, 0, [0.0] * 5)


def test_sums_are_those_of_what_is_there():
    matrix, scores = make_rows(5000)
    counts = GRID.count(matrix, NOTHING_UNSEEN, scores)
    assert counts.sums == pytest.approx([*np.nansum(matrix, axis=0), scores.sum()], rel=1e-12)


def test_each_class_has_an_axis_up_to_a_limit():
    names = name_outputs(tuple(f"class-{i}" for i in range(MOST_OUTPUTS + 6)))
    assert (len(names), names[0]) == (MOST_OUTPUTS, "output:class-0")
    grid = Grid((NumericAxis("x", 0, 1), *(NumericAxis(name, 0, 1, is_output=True) for name in names)))
    scores = np.tile(np.arange(MOST_OUTPUTS + 6) / 100, (10, 1))
    counts = grid.count(np.zeros((10, 1)), np.zeros(1, dtype=np.int64), scores)
    assert counts.sums == pytest.approx([0, *scores.sum(axis=0)[:MOST_OUTPUTS]])


def test_a_grid_refuses_features_behind_outputs():
    with pytest.raises(ValueError, match="outputs come after all features"):
        Grid((NumericAxis("output:prediction", 0, 1, is_output=True), NumericAxis("x", 0, 1)))


doubles = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=60)
@given(values=st.integers(0, 12).flatmap(lambda n: arrays(np.float64, (n, 2), elements=doubles)), at=st.integers(0, 12))
def test_counting_pieces_and_adding_them_is_counting_together(values, at):
    matrix = np.column_stack([values, np.zeros(len(values)), np.ones(len(values))])
    scores = np.linspace(-1, 2, len(values))
    together = GRID.count(matrix, NOTHING_UNSEEN, scores)
    merged = GRID.count(matrix[:at], NOTHING_UNSEEN, scores[:at])
    apart = merged.copy()
    merged.add(GRID.count(matrix[at:], NOTHING_UNSEEN, scores[at:]))
    assert merged.bins.tolist() == together.bins.tolist()
    assert merged.rows == together.rows == len(values)
    assert apart.rows == min(at, len(values))
    for axis in range(len(GRID.axes)):
        assert together.bins[GRID.slice_of(axis)].sum() == len(values)


def test_a_grid_that_is_wider_than_a_slice_counts_as_a_narrow_one_does():
    random = np.random.default_rng(5)
    matrix, scores = random.random((300, 90)), random.random(300)
    wide = Grid(tuple(NumericAxis(f"x{i}", 0.1, 0.9) for i in range(90)))
    counts = wide.count(matrix, np.zeros(90, dtype=np.int64), scores[:, np.newaxis][:, :0])
    for i in (0, 44, 89):
        expected = count_column(matrix[:, i], NumericAxis("x", 0.1, 0.9))
        assert counts.bins[wide.slice_of(i)].tolist() == expected.tolist()
