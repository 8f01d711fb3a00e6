"""Gathers the counts of one version into panes, which are looked at without delay, and windows, which are judged."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scoreline.models.baseline.counts import Counts
from scoreline.observability.drift.lengths import LEAST_ROWS
from scoreline.observability.drift.states import Window

PANE_ROWS = 512


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """When a window ends: with so many rows, or after so long.

    One that has fewer than `LEAST_ROWS` by then stays open until it has so many.
    """

    records: int = 4096
    seconds: float = 600.0


class Ended(NamedTuple):
    """What has ended since it was last asked for.

    Attributes:
        pane: the latest rows; several panes that nobody has looked at are one.
        windows: in their order.
    """

    pane: Window | None
    windows: Sequence[Window]


class OpenWindows:
    """The pane and the window that are under way, and those that wait; whoever owns it guards it.

    Args:
        most_waiting: ended windows that are kept until somebody takes them; then the oldest goes.

    Attributes:
        dropped: windows that went so.
    """

    def __init__(self, limits: WindowLimits, *, most_waiting: int) -> None:
        self._limits = limits
        self._pane_rows = min(PANE_ROWS, limits.records)
        self._pane: Counts | None = None
        self._window: Counts | None = None
        self._began_at_ms = 0
        self._pane_began_at_ms = 0
        self._latest_at_ms = 0
        self._pane_waits: Window | None = None
        self._waiting: deque[Window] = deque()
        self._most_waiting = most_waiting
        self.dropped = 0

    @property
    def rows(self) -> int:
        """How many the window has that is under way."""
        return sum(counts.rows for counts in (self._window, self._pane) if counts is not None)

    def add(self, counts: Counts, at_ms: int) -> bool:
        """Take over the counts of more rows; returns whether something has ended by them."""
        if self._pane is None:
            if self._window is None:
                self._began_at_ms = at_ms
            self._pane, self._pane_began_at_ms = counts, at_ms
        else:
            self._pane.add(counts)
        self._latest_at_ms = at_ms
        pane_ended = self._pane.rows >= self._pane_rows
        if pane_ended:
            self._end_pane(self._pane)
        return self._end_if_due(at_ms) or pane_ended

    def tick(self, at_ms: int) -> bool:
        """End the window where its time is over; returns whether it is."""
        return self._end_if_due(at_ms)

    def take(self) -> Ended:
        """What has ended, once."""
        ended = Ended(self._pane_waits, tuple(self._waiting))
        self._pane_waits = None
        self._waiting.clear()
        return ended

    def reset(self) -> None:
        """Begin anew, with nothing."""
        self._pane = self._window = self._pane_waits = None
        self._waiting.clear()

    def _end_pane(self, pane: Counts) -> None:
        if self._window is None:
            self._window = pane.copy()
        else:
            self._window.add(pane)
        began_at_ms = self._pane_began_at_ms
        if self._pane_waits is not None:
            pane.add(self._pane_waits.counts)
            began_at_ms = self._pane_waits.began_at_ms
        self._pane_waits = Window(pane, began_at_ms, self._latest_at_ms)
        self._pane = None

    def _end_if_due(self, at_ms: int) -> bool:
        rows = self.rows
        if rows < self._limits.records and (
            rows < LEAST_ROWS or at_ms - self._began_at_ms < self._limits.seconds * 1000
        ):
            return False
        whole = self._window
        if whole is None:
            whole = self._pane
        elif self._pane is not None:
            whole.add(self._pane)
        if whole is None:
            return False
        if len(self._waiting) >= self._most_waiting:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(Window(whole, self._began_at_ms, self._latest_at_ms))
        self._pane = self._window = None
        return True
