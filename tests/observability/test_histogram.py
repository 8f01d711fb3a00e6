import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.observability.metrics.histogram import Histogram

BOUNDS = (0.001, 0.01, 0.1, 1.0)
values = st.floats(min_value=0, max_value=10) | st.sampled_from(BOUNDS)


@settings(max_examples=60)
@given(st.lists(values, max_size=40))
def test_counting_together_equals_counting_one_by_one(sample):
    together, alone = Histogram(BOUNDS), Histogram(BOUNDS)
    together.add_many(np.array(sample, dtype=np.float64))
    for value in sample:
        alone.add(value)
    assert together.read().cumulative == alone.read().cumulative
    assert together.read().total == pytest.approx(alone.read().total)


@settings(max_examples=60)
@given(st.lists(values, max_size=40))
def test_a_bound_includes_its_own_value(sample):
    histogram = Histogram(BOUNDS)
    histogram.add_many(np.array(sample, dtype=np.float64))
    expected = [sum(value <= bound for value in sample) for bound in BOUNDS]
    assert list(histogram.read().cumulative) == [*expected, len(sample)]


def test_bounds_have_to_ascend():
    with pytest.raises(ValueError, match="ascend"):
        Histogram((1.0, 1.0))


def test_no_value_of_two_threads_is_lost():
    histogram = Histogram(BOUNDS)
    many = np.full(100, 0.05)

    def count() -> None:
        for _ in range(200):
            histogram.add(0.5)
            histogram.add_many(many)

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert histogram.read().cumulative == (0, 0, 60_000, 60_600, 60_600)
