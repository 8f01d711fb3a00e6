"""Gathers the rows of small requests: to count one costs as much as to count many."""

import threading
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoreline.features import Matrix
from scoreline.models.model import Scores

GATHERED_ROWS = 256


class Rows(NamedTuple):
    """Rows that were scored.

    Attributes:
        features: settled; shape (rows, features).
        unseen: levels never seen in training, by feature, of these rows; shape (features,).
        scores: all finite; shape (rows,) or (rows, classes).
    """

    features: Matrix
    unseen: npt.NDArray[np.int64]
    scores: Scores

    @property
    def size(self) -> int:
        """In bytes."""
        return int(self.features.nbytes + self.scores.nbytes)


class Gatherer:
    """Copies rows one behind the other until there are enough. Safe between threads; no call waits for long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Rows | None = None
        self._count = 0

    def add(self, rows: Rows) -> Rows | None:
        """Copy rows, fewer than `GATHERED_ROWS`; gives those that were there where they are enough by now."""
        more = len(rows.features)
        with self._lock:
            full = self._take() if self._count + more > GATHERED_ROWS else None
            opened = self._open
            if opened is None:
                opened = self._open = _make_room(rows)
            at, end = self._count, self._count + more
            opened.features[at:end] = rows.features
            opened.scores[at:end] = rows.scores
            np.add(opened.unseen, rows.unseen, out=opened.unseen)
            self._count = end
            return self._take() if full is None and end == GATHERED_ROWS else full

    def take(self) -> Rows | None:
        """What is there, however little; None for nothing."""
        with self._lock:
            taken = self._take()
        # A few rows would hold the room of many for as long as they wait.
        if taken is None or len(taken.features) > GATHERED_ROWS // 2:
            return taken
        return Rows(taken.features.copy(), taken.unseen, taken.scores.copy())

    def _take(self) -> Rows | None:
        taken, count = self._open, self._count
        if taken is None:
            return None
        self._open, self._count = None, 0
        return Rows(taken.features[:count], taken.unseen, taken.scores[:count])


def _make_room(like: Rows) -> Rows:
    return Rows(
        np.empty((GATHERED_ROWS, like.features.shape[1])),
        np.zeros(like.features.shape[1], dtype=np.int64),
        np.empty((GATHERED_ROWS, *like.scores.shape[1:])),
    )
