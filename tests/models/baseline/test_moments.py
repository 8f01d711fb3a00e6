import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scoreline.models.baseline.moments import Moments

ordinary = st.floats(-1e6, 1e6)


@given(
    matrix=st.integers(1, 20).flatmap(lambda n: arrays(np.float64, (n, 2), elements=ordinary | st.just(np.nan))),
    at=st.integers(0, 20),
)
def test_pieces_give_what_numpy_gives_for_the_whole(matrix, at):
    moments = Moments(2)
    moments.add(matrix[:at])
    moments.add(matrix[at:])
    means, deviations = moments.finish()
    for column in range(2):
        there = matrix[:, column][~np.isnan(matrix[:, column])]
        size = np.abs(there).max(initial=1.0)
        assert means[column] == pytest.approx(there.mean() if len(there) else 0.0, abs=1e-12 * size)
        assert deviations[column] == pytest.approx(there.std() if len(there) else 0.0, abs=1e-9 * size)


def test_a_large_offset_costs_no_digits():
    random = np.random.default_rng(1)
    column = 1e9 + random.normal(size=(10_000, 1))
    moments = Moments(1)
    for part in np.array_split(column, 7):
        moments.add(part)
    means, deviations = moments.finish()
    assert means[0] == pytest.approx(column.mean(), rel=1e-14)
    assert deviations[0] == pytest.approx(column.std(), rel=1e-7)


@pytest.mark.parametrize("size", [1.7e308, 1e300, 1e-300, 5e-324])
def test_values_whose_squares_are_no_doubles_have_moments_all_the_same(size):
    moments = Moments(1)
    for value in (size, -size, size, -size):
        moments.add(np.array([[value]]))
    means, deviations = moments.finish()
    assert means[0] == pytest.approx(0.0, abs=size)
    assert deviations[0] == pytest.approx(size, rel=1e-9, abs=5e-324)


def test_nulls_and_infinities_are_passed_over():
    moments = Moments(2)
    moments.add(np.array([[1.0, np.nan], [np.inf, np.nan], [3.0, -np.inf]]))
    means, deviations = moments.finish()
    assert (means.tolist(), deviations.tolist()) == ([2.0, 0.0], [1.0, 0.0])
