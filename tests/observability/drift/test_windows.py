"""Panes and windows out of counts, however many rows come at once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.observability.drift.lengths import LEAST_ROWS
from scoreline.observability.drift.windows import PANE_ROWS, OpenWindows, WindowLimits
from tests.observability.drift.scenes import GRID, make_counts


def open_windows(records=1000, seconds=60.0, most_waiting=8):
    return OpenWindows(WindowLimits(records, seconds), most_waiting=most_waiting)


def test_a_window_ends_with_its_rows():
    windows = open_windows(1000)

    assert [windows.add(make_counts(300), at) for at in (1, 2, 3, 4)] == [False, True, False, True]
    (window,) = windows.take().windows
    assert (window.counts.rows, window.began_at_ms, window.ended_at_ms) == (1200, 1, 4)
    assert windows.rows == 0


def test_a_window_ends_with_its_time_where_it_has_enough_rows():
    windows = open_windows(4096, seconds=10)
    windows.add(make_counts(LEAST_ROWS), 1_000)

    assert not windows.tick(10_999)
    assert windows.tick(11_000)
    (window,) = windows.take().windows
    assert (window.counts.rows, window.began_at_ms, window.ended_at_ms) == (LEAST_ROWS, 1_000, 1_000)


def test_a_window_with_too_few_rows_stays_open_however_long_that_takes():
    windows = open_windows(4096, seconds=10)
    windows.add(make_counts(LEAST_ROWS - 1), 0)

    assert not windows.tick(1_000_000)
    assert windows.add(make_counts(1), 1_000_000)


def test_panes_are_there_before_the_window_is():
    windows = open_windows(4096)
    windows.add(make_counts(PANE_ROWS - 1), 5)
    windows.add(make_counts(1), 7)
    pane, ended = windows.take()

    assert (pane.counts.rows, pane.began_at_ms, pane.ended_at_ms) == (PANE_ROWS, 5, 7)
    assert not ended
    assert windows.take().pane is None
    assert windows.rows == PANE_ROWS


def test_panes_that_nobody_takes_are_one():
    windows = open_windows(4096)
    for at in (1, 2, 3):
        windows.add(make_counts(600), at)

    pane = windows.take().pane
    assert (pane.counts.rows, pane.began_at_ms, pane.ended_at_ms) == (1800, 1, 3)


def test_of_too_many_windows_the_oldest_goes_and_is_counted():
    windows = open_windows(1000, most_waiting=2)
    for at in (1, 2, 3):
        windows.add(make_counts(1000), at)

    assert [window.ended_at_ms for window in windows.take().windows] == [2, 3]
    assert windows.dropped == 1


def test_after_a_reset_nothing_of_before_is_left():
    windows = open_windows(1000)
    windows.add(make_counts(1000), 1)
    windows.add(make_counts(400), 2)
    windows.reset()

    assert windows.take() == (None, ())
    assert windows.rows == 0


@settings(max_examples=30)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=30))
def test_every_row_is_in_exactly_one_window_or_the_open_one(sizes):
    windows = open_windows(1000, most_waiting=100)
    total = np.zeros(GRID.size, dtype=np.int64)
    for at, size in enumerate(sizes):
        windows.add(make_counts(size, x=float(at % 10)), at)
    ended = windows.take().windows
    for window in ended:
        assert 1000 <= window.counts.rows < 1900
        total += window.counts.bins

    assert sum(window.counts.rows for window in ended) + windows.rows == sum(sizes)
    assert total[: GRID.axes[0].size].sum() == sum(sizes) - windows.rows
