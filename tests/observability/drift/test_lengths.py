import numpy as np
import pytest

from scoreline.observability.drift.lengths import EWMA, EWMA_WEIGHT, History
from tests.observability.drift.streams import add_up, count, draw_rows

WINDOWS = [count(draw_rows(seed)) for seed in range(20)]


def remember(windows):
    history = History()
    for window in windows:
        history.add(window)
    return history


@pytest.mark.parametrize(
    ("windows", "lengths"), [(1, [1]), (3, [1]), (4, [1, 4]), (8, [1, 4]), (9, [1, 4, EWMA]), (16, [1, 4, 16, EWMA])]
)
def test_a_length_is_looked_at_as_soon_as_there_are_enough_windows(windows, lengths):
    assert [span.length for span in remember(WINDOWS[:windows]).spans()] == lengths


def test_spans_are_the_last_windows_together():
    spans = {span.length: span for span in remember(WINDOWS).spans()}
    for length in (1, 4, 16):
        assert np.array_equal(spans[length].bins, add_up(WINDOWS[-length:]).bins)
        assert spans[length].rows == spans[length].steady_rows == length * 512


def test_the_last_windows_have_the_counts_and_sums_of_rows_that_are_counted_together():
    for windows in (3, 20):
        taken, expected = remember(WINDOWS[:windows]).take(4), add_up(WINDOWS[:windows][-4:])
        assert np.array_equal(taken.bins, expected.bins)
        assert taken.rows == expected.rows
        np.testing.assert_allclose(taken.sums, expected.sums, rtol=1e-12)


def test_falling_weights_are_worked_out_as_the_formula_says():
    span = next(span for span in remember(WINDOWS).spans() if span.length == EWMA)
    weights = (1 - EWMA_WEIGHT) ** np.arange(len(WINDOWS))[::-1]
    expected = sum(weight * window.bins for weight, window in zip(weights, WINDOWS, strict=True))
    np.testing.assert_allclose(span.bins, expected)
    assert span.rows == pytest.approx(512 * weights.sum())
    assert span.steady_rows == pytest.approx(512 * weights.sum() ** 2 / (weights**2).sum())


def test_what_was_counted_is_not_changed():
    before = WINDOWS[0].bins.copy()
    history = remember(WINDOWS[:10])
    history.take(4)
    history.spans()
    assert np.array_equal(WINDOWS[0].bins, before)
