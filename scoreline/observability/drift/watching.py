"""Where the rows of one version are counted, by whichever thread brings them."""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from scoreline.models.baseline.grid import Grid
from scoreline.models.model import ModelVersion
from scoreline.observability.drift.gathering import GATHERED_ROWS, Gatherer, Rows
from scoreline.observability.drift.room import Room
from scoreline.observability.drift.windows import Ended, OpenWindows, WindowLimits
from scoreline.records import Clock

logger = logging.getLogger("scoreline.drift")

MOST_WAITING_ROWS = 16_384
MOST_WAITING_BYTES = 64 * 1024 * 1024
"""Of rows that nobody can count yet, of one version and of all together; what comes beyond that is passed over, and
told as uncounted."""

MOST_WAITING_WINDOWS = 64
MOST_WINDOW_BYTES = 32 * 1024 * 1024


class Arrived(NamedTuple):
    """Rows, and when they came, milliseconds since the epoch."""

    rows: Rows
    at_ms: int


class VersionWatch:
    """Counts rows once the grid is known; until then they wait, as far as there is room. Safe between threads.

    Rows are counted by the thread that brings them, outside of the lock, under which counts are only added.

    Args:
        clock: monotonic seconds.
        room: for the rows that wait.

    Attributes:
        version: whose rows they are.
        error: what has ended the counting; None while it goes on.
        uncounted: rows that were passed over because too many waited.
    """

    def __init__(self, version: ModelVersion, limits: WindowLimits, clock: Clock, room: Room) -> None:
        self.version = version
        self.error: str | None = None
        self.uncounted = 0
        self._limits = limits
        self._clock = clock
        self._room = room
        self._closed = False
        self._lock = threading.Lock()
        self._gatherer = Gatherer()
        self._grid: Grid | None = None
        self._windows: OpenWindows | None = None
        self._waiting: deque[Arrived] = deque()
        self._waiting_rows = 0
        self._waiting_bytes = 0

    @property
    def dropped(self) -> int:
        """Windows that ended and were never judged, because too many waited."""
        return 0 if self._windows is None else self._windows.dropped

    @property
    def open_rows(self) -> int:
        """How many the window has that is under way."""
        windows = self._windows
        if windows is None:
            return 0
        with self._lock:
            return windows.rows

    def add(self, rows: Rows, at_ms: int) -> bool:
        """Take note of rows; returns whether there is work for the thread that judges. Never raises."""
        try:
            return self._add(rows, at_ms)
        except Exception as error:  # noqa: BLE001 - told by the log and by health; the rows are scored all the same
            self.fail(error)
            return True

    def gather(self, rows: Rows, at_ms: int) -> bool:
        """As `add`, for rows that may be few: those are counted when there are enough, or at the next tick."""
        if self.error is not None:
            return False
        if len(rows.features) >= GATHERED_ROWS:
            return self.add(rows, at_ms)
        try:
            full = self._gatherer.add(rows)
        except Exception as error:  # noqa: BLE001 - told by the log and by health; the rows are scored all the same
            self.fail(error)
            return True
        return full is not None and self.add(full, at_ms)

    def tick(self, at_ms: int) -> None:
        """Count what was gathered, and end the window where its time is over."""
        gathered = self._gatherer.take()
        if gathered is not None:
            self.add(gathered, at_ms)
        if self._windows is not None:
            with self._lock:
                self._windows.tick()

    def count_with(self, grid: Grid, earlier: Sequence[Arrived] = ()) -> None:
        """From now on count: first what somebody has taken and hands back, then what has waited."""
        # int64 of counts, and as many again for whoever judges them.
        fit = MOST_WINDOW_BYTES // (16 * grid.size)
        windows = OpenWindows(self._limits, most_waiting=max(2, min(MOST_WAITING_WINDOWS, fit)), clock=self._clock)
        with self._lock:
            self._windows, self._grid = windows, grid
        for arrived in (*earlier, *self.take_rows()):
            self.add(arrived.rows, arrived.at_ms)

    def take_rows(self) -> Sequence[Arrived]:
        """Rows that wait because there is no grid, in the order in which they came."""
        with self._lock:
            taken = tuple(self._waiting)
            self._waiting.clear()
            self._room.give_back(self._waiting_bytes)
            self._waiting_rows = self._waiting_bytes = 0
        return taken

    def take(self) -> Sequence[Ended]:
        """What there is to look at and to judge, in its order."""
        if self._windows is None:
            return ()
        with self._lock:
            return self._windows.take()

    def reset(self) -> None:
        """Begin the window anew."""
        self._gatherer.take()
        if self._windows is not None:
            with self._lock:
                self._windows.reset()

    def discard(self) -> None:
        """Let go of all that was counted, or waits for that."""
        self.take_rows()
        self.reset()

    def close(self) -> None:
        """Nobody watches any more: let go of all, and of what a thread still brings."""
        with self._lock:
            self._closed = True
        self.discard()

    def fail(self, error: Exception) -> None:
        """Count no more, and let go of what was counted: predictions are made all the same, and health says why."""
        if self.error is None:
            self.error = f"{type(error).__name__}: {error}"
            logger.error(
                "drift of %s %s is not watched any more",
                self.version.name,
                self.version.version,
                exc_info=error,
                extra={"event": "drift_failed", "model": self.version.name, "version": self.version.version},
            )
        self.discard()

    def _add(self, rows: Rows, at_ms: int) -> bool:
        if self.error is not None or not len(rows.features):
            return False
        grid = self._grid or self._wait(rows, at_ms)
        if grid is None:
            return True
        counts = grid.count(*rows)
        with self._lock:
            return self._windows is not None and self._windows.add(counts, at_ms)

    def _wait(self, rows: Rows, at_ms: int) -> Grid | None:
        """Let rows wait, unless the grid has come meanwhile: then it is what they are counted on."""
        more, size = len(rows.features), rows.size
        with self._lock:
            if self._grid is not None:
                return self._grid
            if self._closed:
                return None
            if self._waiting_rows + more > MOST_WAITING_ROWS or not self._room.take(size):
                self.uncounted += more
                return None
            self._waiting.append(Arrived(rows, at_ms))
            self._waiting_rows += more
            self._waiting_bytes += size
            return None
