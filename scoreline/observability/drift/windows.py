"""Gathers the counts of one version: the latest rows are looked at without delay, whole windows are judged."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scoreline.models.baseline.counts import Counts
from scoreline.observability.drift.lengths import LEAST_ROWS
from scoreline.observability.drift.states import Window
from scoreline.records import Clock


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """When a window ends: with so many rows, or after so long.

    One that has fewer than `LEAST_ROWS` by then stays open until it has so many.
    """

    records: int = 4096
    seconds: float = 600.0


class Ended(NamedTuple):
    """What there is to look at, and then to judge.

    Attributes:
        recent: rows that nobody has looked at, of one window; None where the window has no others.
        window: ended by them, or by its time; None where it goes on.
    """

    recent: Window | None
    window: Window | None


class OpenWindows:
    """The window that is under way, and those that wait; whoever owns it guards it.

    A window is two parts, rows that somebody has looked at and rows that are new, so that each is looked at once.

    Args:
        most_waiting: ended windows that are kept until somebody takes them; then the oldest goes.
        clock: monotonic seconds, by which windows end; what they tell of their times is told to `add`.

    Attributes:
        dropped: windows that went so.
    """

    def __init__(self, limits: WindowLimits, *, most_waiting: int, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._looked_at: Counts | None = None
        self._recent: Counts | None = None
        self._ends_at = 0.0
        self._began_at_ms = 0
        self._recent_began_at_ms = 0
        self._latest_at_ms = 0
        self._waiting: deque[Ended] = deque()
        self._most_waiting = most_waiting
        self.dropped = 0

    @property
    def rows(self) -> int:
        """How many the window has that is under way."""
        return sum(counts.rows for counts in (self._looked_at, self._recent) if counts is not None)

    def add(self, counts: Counts, at_ms: int) -> bool:
        """Take over the counts of more rows; returns whether there is something to take."""
        if self._recent is None:
            if self._looked_at is None:
                self._began_at_ms = at_ms
                self._ends_at = self._clock() + self._limits.seconds
            self._recent, self._recent_began_at_ms = counts, at_ms
        else:
            self._recent.add(counts)
        self._latest_at_ms = at_ms
        return self.tick() or self._recent.rows >= LEAST_ROWS

    def tick(self) -> bool:
        """End the window where its rows or its time call for it; returns whether they do."""
        rows = self.rows
        if rows < LEAST_ROWS or (rows < self._limits.records and self._clock() < self._ends_at):
            return False
        if len(self._waiting) >= self._most_waiting:
            self._waiting.popleft()
            self.dropped += 1
        recent, whole = self._recent, self._looked_at
        if whole is None:
            whole = recent
        elif recent is not None:
            whole.add(recent)
        if whole is None:
            return False
        new = None if recent is None else Window(recent, self._recent_began_at_ms, self._latest_at_ms)
        self._waiting.append(Ended(new, Window(whole, self._began_at_ms, self._latest_at_ms)))
        self._looked_at = self._recent = None
        return True

    def take(self) -> Sequence[Ended]:
        """What there is, once, in its order; nothing of it is changed later."""
        taken = list(self._waiting)
        self._waiting.clear()
        recent = self._recent
        if recent is not None and recent.rows >= LEAST_ROWS:
            taken.append(Ended(Window(recent, self._recent_began_at_ms, self._latest_at_ms), None))
            if self._looked_at is None:
                self._looked_at = recent.copy()
            else:
                self._looked_at.add(recent)
            self._recent = None
        return taken

    def reset(self) -> None:
        """Begin anew, with nothing."""
        self._looked_at = self._recent = None
        self._waiting.clear()
