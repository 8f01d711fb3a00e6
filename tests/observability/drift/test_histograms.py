"""Bars for people, out of bins."""

import numpy as np
import pytest

from scoreline.models.baseline.axes import BINS, CategoricalAxis, NumericAxis
from scoreline.observability.drift.histograms import MOST_BARS, NUMERIC_BARS, make_histogram


def test_equal_numbers_of_bins_are_one_bar_between_under_and_over():
    axis = NumericAxis("distance", 0.0, 1600.0)
    bins = np.zeros(axis.size, dtype=np.int64)
    bins[[0, 1, 8, 9, BINS, BINS + 1, BINS + 2]] = [1, 2, 3, 4, 5, 6, 79]
    made = make_histogram(axis, bins, None)

    assert made["labels"][:3] == ["under 0", "0 to 100", "100 to 200"]
    assert made["labels"][-3:] == ["1500 to 1600", "over 1600", "missing"]
    assert made["baseline"] == [0.01, 0.05, 0.04, *[0.0] * (NUMERIC_BARS - 3), 0.05, 0.06, 0.79]
    assert made["window"] == []
    assert len(made["labels"]) == len(made["baseline"]) <= MOST_BARS


def test_ends_of_a_logarithmic_axis_are_those_that_values_have():
    axis = NumericAxis("precip", 0.0, float(np.expm1(16.0)), logarithmic=True)
    made = make_histogram(axis, np.ones(axis.size, dtype=np.int64), None)

    assert made["labels"][1] == f"0 to {np.expm1(1.0):.3g}"


def test_ends_that_lie_close_have_as_many_digits_as_tell_them_apart():
    axis = NumericAxis("pressure", 1000.0, 1000.016)
    labels = make_histogram(axis, np.ones(axis.size, dtype=np.int64), None)["labels"]

    assert labels[1] == "1000 to 1000.001"
    assert len(set(labels)) == len(labels)


def test_a_whole_histogram_has_every_bin():
    axis = NumericAxis("distance", 0.0, 128.0)
    made = make_histogram(axis, np.ones(axis.size, dtype=np.int64), np.ones(axis.size, dtype=np.int64), whole=True)

    assert made["labels"][1:4] == ["0 to 1", "1 to 2", "2 to 3"]
    assert len(made["window"]) == BINS + 3


def test_few_levels_are_all_told():
    axis = CategoricalAxis("carrier", 2, ("AA", "UA"))
    made = make_histogram(axis, np.array([6, 2, 1, 1]), np.array([0, 0, 4, 0]))

    assert made == {
        "labels": ["AA", "UA", "unseen", "missing"],
        "baseline": [0.6, 0.2, 0.1, 0.1],
        "window": [0.0, 0.0, 1.0, 0.0],
    }


def test_of_many_levels_those_that_are_large_in_either_are_told():
    axis = CategoricalAxis("dest", 100)
    before, after = np.ones(axis.size, dtype=np.int64), np.zeros(axis.size, dtype=np.int64)
    before[7], after[99] = 898, 1000
    made = make_histogram(axis, before, after)

    assert len(made["labels"]) == MOST_BARS
    assert {"7", "99", "other"} <= set(made["labels"])
    assert made["window"][made["labels"].index("99")] == 1.0
    assert sum(made["baseline"]) == pytest.approx(1.0, abs=1e-3)


def test_levels_behind_the_last_that_is_counted_alone_are_told_by_their_code():
    axis = CategoricalAxis("tail", 3, ("a", "b"))

    assert make_histogram(axis, np.ones(5, dtype=np.int64), None)["labels"] == ["a", "b", "2", "unseen", "missing"]


def test_an_axis_without_a_row_has_empty_bars():
    axis = CategoricalAxis("carrier", 1, ("AA",))

    assert make_histogram(axis, np.zeros(3, dtype=np.int64), None)["baseline"] == [0.0, 0.0, 0.0]
