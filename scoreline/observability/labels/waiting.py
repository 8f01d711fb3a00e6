"""Labels as columns, and those that came before their prediction and wait for it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scoreline.observability.labels.memory import Hashes

Rows = npt.NDArray[np.bool_] | npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels in the order in which they came; all of shape (rows,).

    Attributes:
        values: numbers as float, else text.
        known_at_ms: when the truth was known, milliseconds since the epoch; NaN where nobody said.
    """

    hashes: Hashes
    values: npt.NDArray[Any]
    known_at_ms: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.hashes)

    def take(self, rows: Rows) -> "Labels":
        """Some of them."""
        return Labels(self.hashes[rows], self.values[rows], self.known_at_ms[rows])

    def join(self, others: "Labels") -> "Labels":
        """These, then others."""
        return Labels(
            np.concatenate([self.hashes, others.hashes]),
            np.concatenate([self.values, others.values]),
            np.concatenate([self.known_at_ms, others.known_at_ms]),
        )


def no_labels() -> Labels:
    """None of them."""
    return Labels(np.empty(0, dtype=np.int64), np.empty(0, dtype=object), np.empty(0))


class WaitingLabels:
    """A bounded number of labels, each for a bounded time. For one thread.

    Args:
        most: labels that wait.
        seconds: for how long.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._labels = no_labels()
        self._came_seconds = np.empty(0)
        self._sorted = self._labels.hashes

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, labels: Labels, now_seconds: float) -> None:
        """Have them wait."""
        if len(labels):
            self._set(
                self._labels.join(labels), np.concatenate([self._came_seconds, np.full(len(labels), now_seconds)])
            )

    def take(self, hashes: Hashes) -> Labels:
        """Those that have waited for these predictions, which wait no more."""
        if not len(self._labels) or not len(hashes):
            return no_labels()
        at = np.minimum(np.searchsorted(self._sorted, hashes), len(self._sorted) - 1)
        came = hashes[self._sorted[at] == hashes]
        if not len(came):
            return no_labels()
        found = np.isin(self._labels.hashes, came)
        taken = self._labels.take(found)
        self._set(self._labels.take(~found), self._came_seconds[~found])
        return taken

    def give_up(self, now_seconds: float) -> int:
        """Let go of those that have waited too long, and of the oldest where there are too many; how many went."""
        before = len(self._labels)
        if before:
            kept = self._came_seconds >= now_seconds - self._seconds
            kept[: max(0, before - self._most)] = False
            if not kept.all():
                self._set(self._labels.take(kept), self._came_seconds[kept])
        return before - len(self._labels)

    def _set(self, labels: Labels, came_seconds: npt.NDArray[np.float64]) -> None:
        self._labels, self._came_seconds = labels, came_seconds
        self._sorted = np.sort(labels.hashes)
