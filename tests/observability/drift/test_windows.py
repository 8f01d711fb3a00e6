"""Panes and windows out of counts, however many rows come at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.observability.drift.lengths import LEAST_ROWS
from scoreline.observability.drift.windows import OpenWindows, WindowLimits
from tests.observability.drift.scenes import GRID, make_counts


class Time:
    """Seconds that a test lets go by."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def open_windows(records=1000, seconds=60.0, most_waiting=8, clock=lambda: 0.0):
    return OpenWindows(WindowLimits(records, seconds), most_waiting=most_waiting, clock=clock)


def take_rows(windows):
    """Rows to look at, and rows to judge."""
    return [tuple(part and part.counts.rows for part in ended) for ended in windows.take()]


def test_a_window_ends_with_its_rows():
    windows = open_windows(1000)

    assert [windows.add(make_counts(300), at) for at in (1, 2, 3, 4)] == [False, True, True, True]
    ((_, window),) = windows.take()
    assert (window.counts.rows, window.began_at_ms, window.ended_at_ms) == (1200, 1, 4)
    assert windows.rows == 0


def test_a_window_ends_with_its_time_where_it_has_enough_rows():
    time = Time()
    windows = open_windows(4096, seconds=10, clock=time)
    windows.add(make_counts(LEAST_ROWS), 1_000)

    time.now = 9.999
    assert not windows.tick()
    time.now = 10.0
    assert windows.tick()
    ((_, window),) = windows.take()
    assert (window.counts.rows, window.began_at_ms, window.ended_at_ms) == (LEAST_ROWS, 1_000, 1_000)


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_wall_clock_that_is_set_ends_no_window_and_keeps_none_open(hours):
    time = Time()
    windows = open_windows(4096, seconds=10, clock=time)
    windows.add(make_counts(600), 100_000_000)
    assert not windows.tick()
    windows.add(make_counts(600), 100_000_000 + hours * 3_600_000)
    assert take_rows(windows) == [(1200, None)]
    time.now = 10.0

    assert windows.tick()
    assert take_rows(windows) == [(None, 1200)]


def test_a_window_with_too_few_rows_stays_open_however_long_that_takes():
    time = Time()
    windows = open_windows(4096, seconds=10, clock=time)
    windows.add(make_counts(LEAST_ROWS - 1), 0)

    time.now = 1000.0
    assert not windows.tick()
    assert windows.add(make_counts(1), 1_000_000)


def test_the_latest_rows_are_there_before_the_window_ends():
    windows = open_windows(4096)
    assert not windows.add(make_counts(LEAST_ROWS - 1), 5)
    assert windows.take() == []
    assert windows.add(make_counts(1), 7)
    ((recent, window),) = windows.take()

    assert (recent.counts.rows, recent.began_at_ms, recent.ended_at_ms) == (LEAST_ROWS, 5, 7)
    assert window is None
    assert windows.take() == []
    assert windows.rows == LEAST_ROWS


def test_rows_that_nobody_takes_are_looked_at_together_but_not_beyond_a_window():
    windows = open_windows(4096)
    for at in range(1, 9):
        windows.add(make_counts(1000), at)

    taken = windows.take()
    assert [part and part.counts.rows for ended in taken for part in ended] == [5000, 5000, 3000, None]
    assert [(recent.began_at_ms, recent.ended_at_ms) for recent, _ in taken] == [(1, 5), (6, 8)]


def test_what_a_window_has_of_few_rows_at_its_end_is_looked_at_with_it():
    windows = open_windows(1000)
    windows.add(make_counts(990), 1)
    assert take_rows(windows) == [(990, None)]
    windows.add(make_counts(10), 2)

    assert take_rows(windows) == [(10, 1000)]


def test_a_window_of_few_rows_that_time_ends_is_looked_at():
    time = Time()
    windows = open_windows(4096, seconds=10, clock=time)
    windows.add(make_counts(LEAST_ROWS + 5), 1)
    time.now = 10.0
    windows.tick()

    assert take_rows(windows) == [(LEAST_ROWS + 5, LEAST_ROWS + 5)]


def test_of_too_many_windows_the_oldest_goes_and_is_counted():
    windows = open_windows(1000, most_waiting=2)
    for at in (1, 2, 3):
        windows.add(make_counts(1000), at)

    assert [ended.window.ended_at_ms for ended in windows.take()] == [2, 3]
    assert windows.dropped == 1


def test_after_a_reset_nothing_of_before_is_left():
    windows = open_windows(1000)
    windows.add(make_counts(1000), 1)
    windows.add(make_counts(400), 2)
    windows.reset()

    assert windows.take() == []
    assert windows.rows == 0


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 900), st.booleans()), min_size=1, max_size=30))
def test_every_row_is_in_one_window_and_looked_at_once_whenever_somebody_asks(batches):
    windows = open_windows(1000, most_waiting=100)
    taken = []
    for at, (size, asks) in enumerate(batches):
        windows.add(make_counts(size, x=float(at % 10)), at)
        if asks:
            taken += windows.take()
    taken += windows.take()
    total, looked_at = GRID.make_empty(), GRID.make_empty()
    for recent, window in taken:
        if recent is not None:
            looked_at.add(recent.counts)
        if window is not None:
            assert 1000 <= window.counts.rows < 1900
            total.add(window.counts)
            np.testing.assert_array_equal(total.bins, looked_at.bins)

    rows = sum(size for size, _ in batches)
    assert total.rows + windows.rows == rows
    assert rows - looked_at.rows < LEAST_ROWS
