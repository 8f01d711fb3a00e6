import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.observability.quantiles import LARGEST, RELATIVE_ERROR, SMALLEST, QuantileSketch

FRACTIONS = (0.0, 0.5, 0.95, 0.99, 1.0)
durations = st.floats(min_value=SMALLEST, max_value=LARGEST)


@settings(max_examples=150)
@given(st.lists(durations, min_size=1, max_size=60))
def test_every_quantile_is_within_one_percent_of_the_sorted_values(sample):
    sketch = QuantileSketch()
    sketch.add_many(np.array(sample))
    for fraction, found in zip(FRACTIONS, sketch.quantiles(FRACTIONS), strict=True):
        exact = sorted(sample)[max(1, math.ceil(fraction * len(sample))) - 1]
        assert found == pytest.approx(exact, rel=RELATIVE_ERROR + 1e-9)


@settings(max_examples=60)
@given(st.lists(st.floats(min_value=0, max_value=2 * LARGEST), max_size=40))
def test_adding_together_merging_and_adding_one_by_one_are_the_same(sample):
    together, alone, first, second = (QuantileSketch() for _ in range(4))
    together.add_many(np.array(sample, dtype=np.float64))
    for i, value in enumerate(sample):
        alone.add(value)
        (first if i % 3 else second).add(value)
    first.merge(second)
    assert together.counts.tolist() == alone.counts.tolist() == first.counts.tolist()
    assert together.count == alone.count == first.count == len(sample)


def test_a_copy_tells_what_came_after_it():
    sketch = QuantileSketch()
    sketch.add_many(np.full(50, 3.0))
    earlier = sketch.copy()
    sketch.add_many(np.full(20, 0.5))
    later = sketch.since(earlier)
    assert later.count == 20
    assert later.total == pytest.approx(10.0)
    assert later.quantiles([0.99])[0] == pytest.approx(0.5, rel=RELATIVE_ERROR)
    assert earlier.count == 50


def test_of_two_values_only_the_median_is_the_smaller():
    sketch = QuantileSketch()
    sketch.add_many(np.array([0.5, 0.001]))
    assert sketch.quantiles([0.5, 0.95, 0.99]) == pytest.approx([0.001, 0.5, 0.5], rel=2 * RELATIVE_ERROR)


def test_a_rank_that_is_whole_but_for_the_rounding_of_doubles_is_not_rounded_up():
    sketch = QuantileSketch()
    sketch.add_many(np.arange(1.0, 101.0))
    assert sketch.quantiles([0.07]) == pytest.approx([7.0], rel=RELATIVE_ERROR + 1e-9)


def test_there_is_no_quantile_of_nothing():
    assert QuantileSketch().quantiles([0.5, 0.99]) == [None, None]


def test_what_lies_outside_counts_as_the_nearest_end():
    sketch = QuantileSketch()
    for value in (0.0, -3.0, 1e12):
        sketch.add(value)
    low, high = sketch.quantiles([0.0, 1.0])
    assert low == pytest.approx(SMALLEST, rel=0.02)
    assert high == pytest.approx(LARGEST, rel=0.02)


def test_a_million_values_take_no_more_memory_than_one():
    one, many = QuantileSketch(), QuantileSketch()
    one.add(1.0)
    for seed in range(10):
        many.add_many(np.random.default_rng(seed).lognormal(0, 5, 100_000))
    assert many.counts.nbytes == one.counts.nbytes < 12_000
    assert many.count == 1_000_000
