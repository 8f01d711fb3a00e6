"""A histogram with fixed buckets that takes one value or thousands at once; prometheus_client's takes one at a time."""

import threading
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FEW = 8
"""Up to so many values are counted faster one by one."""


class HistogramReading(NamedTuple):
    """What a histogram holds at one moment.

    Attributes:
        cumulative: how many values are at most each bound, and last how many there are.
        total: their sum.
    """

    cumulative: tuple[int, ...]
    total: float


class Histogram:
    """Counts values by the first bound that is not less; safe between threads.

    Args:
        bounds: inclusive upper bounds, ascending, without infinity.
    """

    __slots__ = ("_array", "_bounds", "_counts", "_lock", "_total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        if any(a >= b for a, b in zip(self._bounds, self._bounds[1:], strict=False)):
            raise ValueError(f"bounds have to ascend, but are {self._bounds}")
        self._array = np.array(self._bounds, dtype=np.float64)
        self._counts = [0] * (len(self._bounds) + 1)
        self._total = 0.0
        self._lock = threading.Lock()

    def add(self, value: float) -> None:
        """Count one value."""
        bucket = bisect_left(self._bounds, value)
        with self._lock:
            self._counts[bucket] += 1
            self._total += value

    def add_many(self, values: npt.NDArray[np.float64]) -> None:
        """Count all values of an array of any length, none of them NaN."""
        if len(values) <= FEW:
            for value in values.tolist():
                self.add(value)
            return
        found = np.bincount(np.searchsorted(self._array, values, side="left"), minlength=len(self._counts)).tolist()
        total = float(values.sum())
        with self._lock:
            self._counts = [a + b for a, b in zip(self._counts, found, strict=True)]
            self._total += total

    def read(self) -> HistogramReading:
        """Counts and sum of the same moment."""
        with self._lock:
            counts, total = list(self._counts), self._total
        cumulative, seen = [], 0
        for count in counts:
            seen += count
            cumulative.append(seen)
        return HistogramReading(tuple(cumulative), total)
