import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.features import Feature, FeatureSet, Kind
from scoreline.models.baseline.axes import BINS, LEAST_WIDTH, MOST_CODES, CategoricalAxis, NumericAxis
from scoreline.models.baseline.choosing import choose_axes, choose_numeric_axis
from scoreline.models.baseline.grid import Grid


def count(axis, values) -> np.ndarray:
    grid = Grid((axis,))
    column = np.asarray(values, dtype=np.float64).reshape(-1, 1)
    return grid.count(column, np.zeros(1, dtype=np.int64), np.empty((len(column), 0))).bins


def test_the_bins_reach_from_one_quantile_to_the_other():
    values = np.random.default_rng(0).normal(size=5000)
    axis = choose_numeric_axis("x", np.append(values, [np.nan, np.inf, -np.inf]))
    assert (axis.lowest, axis.highest) == pytest.approx(tuple(np.quantile(values, [0.001, 0.999])))
    assert not axis.logarithmic


def test_what_is_crowded_at_its_low_end_has_logarithmic_bins():
    values = np.random.default_rng(0).lognormal(3, 2, size=5000)
    axis = choose_numeric_axis("amount", values)
    assert axis.logarithmic
    assert count(axis, values)[1 : BINS + 1].max() < 0.1 * len(values)


def test_a_logarithm_is_left_out_where_it_parts_nothing():
    """Rain: none on most days, and then any amount."""
    values = np.append(np.zeros(900), np.random.default_rng(0).uniform(0, 100, 100))
    assert not choose_numeric_axis("rain", values).logarithmic
    tiny = np.random.default_rng(0).lognormal(0, 2, size=5000) * 1e-9
    assert not choose_numeric_axis("tiny", tiny).logarithmic


@pytest.mark.parametrize("value", [0.0, -0.0, 5e-324, 1e-30, -3.0, 7.5, 1e300, -1.7e308])
def test_a_constant_lies_in_the_middle_and_what_is_far_from_it_outside(value):
    axis = choose_numeric_axis("stuck", np.full(50, value))
    bins = count(axis, np.full(50, value))
    assert bins[1 : BINS + 1].sum() == 50 or abs(value) > 1e308
    assert bins.max() == 50
    beyond = abs(value) + 3 * max(abs(value), 1.0) if abs(value) < 1e308 else 0.0
    assert count(axis, [beyond]).argmax() in (0, BINS + 1)


def test_a_feature_that_is_always_null_has_an_axis_all_the_same():
    axis = choose_numeric_axis("gone", np.full(20, np.nan))
    assert count(axis, [np.nan, 0.0]).sum() == 2


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30))
def test_any_numbers_give_bins_that_can_be_counted_in(values):
    axis = choose_numeric_axis("x", np.array(values, dtype=np.float64))
    assert LEAST_WIDTH <= axis.highest - axis.lowest < np.inf
    bins = count(axis, values)
    assert bins.sum() == len(values)
    assert bins[-1] == np.isnan(values).sum()


def test_each_kind_of_feature_and_each_class_has_its_axis():
    features = FeatureSet(
        (
            Feature("x"),
            Feature("flag", Kind.BOOLEAN),
            Feature("place", Kind.CATEGORICAL, levels=("a", "b")),
            Feature("code", Kind.CATEGORICAL),
            Feature("never", Kind.CATEGORICAL),
        )
    )
    matrix = np.column_stack([np.arange(9.0), np.arange(9) % 2, np.arange(9) % 2, np.arange(9.0), np.full(9, np.nan)])
    axes = choose_axes(features, ("no", "yes"), matrix, np.full((9, 2), 0.5))
    assert [axis.name for axis in axes] == ["x", "flag", "place", "code", "never", "output:no", "output:yes"]
    assert [axis.is_output for axis in axes] == [False] * 5 + [True] * 2
    assert isinstance(axes[1], NumericAxis)
    assert axes[2] == CategoricalAxis("place", 2, ("a", "b"))
    assert axes[3:5] == [CategoricalAxis("code", 9), CategoricalAxis("never", 0)]


def test_levels_and_codes_beyond_a_limit_share_the_last_bin():
    levels = tuple(range(MOST_CODES + 500))
    features = FeatureSet((Feature("zip", Kind.CATEGORICAL, levels=levels), Feature("code", Kind.CATEGORICAL)))
    matrix = np.column_stack([np.arange(MOST_CODES + 500.0), np.linspace(0, 2**31 - 1, MOST_CODES + 500).round()])
    zips, codes, _ = axes = choose_axes(features, None, matrix, np.zeros(len(matrix)))
    assert zips == CategoricalAxis("zip", MOST_CODES, levels[:MOST_CODES], is_cut=True)
    assert codes == CategoricalAxis("code", MOST_CODES, is_cut=True)
    grid = Grid(tuple(axes))
    counts = grid.count(matrix, np.zeros(2, dtype=np.int64), np.zeros(len(matrix)))
    assert counts.bins[grid.slice_of(0)].tolist() == [1] * (MOST_CODES - 1) + [501, 0, 0]
    assert counts.bins[grid.slice_of(1)][MOST_CODES:].tolist() == [0, 0]
