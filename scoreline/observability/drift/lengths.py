"""How many windows are looked at together: the last one, the last 4, the last 16, and all with falling weights."""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoreline.models.baseline.counts import Counts

LEAST_ROWS = 500
"""Fewer are not judged: chance alone would tell them apart."""

EWMA = 0
"""The length that stands for falling weights."""

LENGTHS = (1, 4, 16, EWMA)

EWMA_WEIGHT = 0.2
_EWMA_FEWEST = 9
"""Windows that falling weights are looked at from on; before, they tell nothing that few windows do not."""

_EWMA_WINDOWS = 6
"""As steady are 9 windows of falling weights, (sum of weights)² / sum of squares rounded down; more are steadier."""


def size_of(length: int, window_records: int) -> int:
    """Rows of one weight that are as steady as full windows of a length."""
    return window_records * (_EWMA_WINDOWS if length == EWMA else length)


@dataclass(frozen=True, slots=True)
class Span:
    """Windows that are looked at together.

    Attributes:
        bins: counts, weighted for the EWMA; shape (bins,). Valid until the next window comes.
        rows: what the bins of each axis add up to.
        steady_rows: rows of one weight that would be as steady.
    """

    length: int
    bins: npt.NDArray[np.int64] | npt.NDArray[np.float64]
    rows: float
    steady_rows: float


class History:
    """The last windows of a version, as many as any length asks for. Memory: 20 numbers of 8 bytes a bin."""

    def __init__(self) -> None:
        self._last: deque[Counts] = deque(maxlen=max(LENGTHS))
        self._bins: dict[int, npt.NDArray[np.int64]] = {}
        self._weighted: npt.NDArray[np.float64] | None = None
        self._rows = 0.0
        self._squares = 0.0
        self._count = 0

    def __len__(self) -> int:
        """Windows that it remembers."""
        return len(self._last)

    def add(self, counts: Counts) -> None:
        """Take the next window, which is not changed later."""
        self._slide(counts)
        self._last.append(counts)
        self._count += 1
        keep = 1 - EWMA_WEIGHT
        if self._weighted is None:
            self._weighted = np.zeros(len(counts.bins))
        self._weighted *= keep
        self._weighted += counts.bins
        self._rows = keep * self._rows + counts.rows
        self._squares = keep**2 * self._squares + counts.rows

    def take(self, windows: int) -> Counts:
        """Counts of the last so many windows together, of all where there are fewer; nobody may change them.

        Args:
            windows: one of `LENGTHS`.
        """
        found = self._take_last(windows)
        with np.errstate(over="ignore", invalid="ignore"):  # infinite sums of both signs have no mean
            sums = np.sum([counts.sums for counts in found], axis=0)
        return Counts(self._bins[windows], sums, sum(counts.rows for counts in found))

    def spans(self) -> list[Span]:
        """Every length that there are enough windows for."""
        found = []
        for length in LENGTHS:
            if length != EWMA and length <= len(self._last):
                rows = float(sum(counts.rows for counts in self._take_last(length)))
                found.append(Span(length, self._bins[length], rows, rows))
        if self._weighted is not None and self._count >= _EWMA_FEWEST:
            found.append(Span(EWMA, self._weighted, self._rows, self._rows**2 / self._squares))
        return found

    def _slide(self, counts: Counts) -> None:
        """Bins are whole numbers: what one window adds and another one takes away leaves the same as adding anew."""
        for length in LENGTHS:
            if length == EWMA:
                continue
            bins = self._bins.setdefault(length, np.zeros_like(counts.bins))
            bins += counts.bins
            if len(self._last) >= length:
                bins -= self._last[-length].bins

    def _take_last(self, windows: int) -> list[Counts]:
        return list(self._last)[-windows:]
