"""Remembers what was predicted, by id, until its label comes: a bounded number, for a bounded time."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoreline.models.model import Scores

Hashes = npt.NDArray[np.int64]
"""Ids of predictions as 64-bit hashes; of 200,000 remembered ids one is taken for another once in 10^14 labels."""

Slots = npt.NDArray[np.intp]
"""Places in the memory; `UNKNOWN` where there is none."""

UNKNOWN = -1


def hash_ids(ids: Iterable[bytes]) -> Hashes:
    """Python's own hashes, which are keyed anew in every process: nobody can make ids that collide."""
    return np.fromiter(map(hash, ids), np.int64)


class Remembered(NamedTuple):
    """Predictions that were found; one row each.

    Attributes:
        scores: shape (rows, most classes of any version); NaN beyond those of the version.
        at_seconds: when they were made, monotonic.
    """

    versions: npt.NDArray[np.int32]
    scores: Scores
    at_seconds: npt.NDArray[np.float64]


class _Index(NamedTuple):
    """Sorted by hash, of equal ones the latest last."""

    hashes: Hashes
    slots: Slots

    def find(self, hashes: Hashes) -> Slots:
        if not len(self.hashes):
            return np.full(len(hashes), UNKNOWN, dtype=np.intp)
        at = np.searchsorted(self.hashes, hashes, side="right") - 1
        return np.where((at >= 0) & (self.hashes[at] == hashes), self.slots[at], UNKNOWN)


class PredictionMemory:
    """A ring of the latest predictions; the last one of an id is the one that counts. For one thread.

    It takes 46 bytes a prediction (hash, time, version, score, whether its label has come, and a sorted index), and 8
    more for each further class. Adding is cheap; the index is made when somebody asks.

    Args:
        most: predictions that are remembered.
        seconds: for how long.
        most_unmerged: so many of the latest are sorted by themselves; more are merged into the index.
    """

    def __init__(self, most: int, seconds: float, *, most_unmerged: int = 16_384) -> None:
        self._most = most
        self._most_unmerged = most_unmerged
        self._seconds = seconds
        self._count = 0
        self._hashes = np.zeros(most, dtype=np.int64)
        self._at_seconds = np.zeros(most)
        self._versions = np.zeros(most, dtype=np.int32)
        self._labelled = np.zeros(most, dtype=np.bool_)
        self._scores = np.zeros((most, 1))
        self._indexed = 0
        self._index = _sort(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.intp))
        self._latest, self._latest_of = self._index, 0

    def __len__(self) -> int:
        return min(self._count, self._most)

    def add(self, version: int, hashes: Hashes, scores: Scores, at_seconds: float) -> None:
        """Remember predictions of one version, made at one time.

        Args:
            hashes: shape (rows,).
            scores: shape (rows,) or (rows, classes).
        """
        if not len(hashes):
            return
        rows = scores.reshape(len(hashes), -1)[-self._most :]
        if rows.shape[1] > self._scores.shape[1]:
            wider = np.full((self._most, rows.shape[1]), np.nan)
            wider[:, : self._scores.shape[1]] = self._scores
            self._scores = wider
        hashes = hashes[-self._most :]
        begin = (self._count + len(scores) - len(hashes)) % self._most
        to_the_end = self._most - begin
        self._put(begin, version, hashes[:to_the_end], rows[:to_the_end], at_seconds)
        self._put(0, version, hashes[to_the_end:], rows[to_the_end:], at_seconds)
        self._count += len(scores)

    def find(self, hashes: Hashes, now_seconds: float) -> Slots:
        """Where the last prediction of each id is; `UNKNOWN` where there was none, or it is forgotten."""
        if self._count - self._indexed > self._most_unmerged:
            self._merge()
        earlier, latest = self._index.find(hashes), self._sort_latest().find(hashes)
        slots = np.where(latest == UNKNOWN, earlier, latest)
        # The index does not hear of a slot that is used again, so what is there now is compared.
        is_there = self._hashes[slots] == hashes
        is_young = self._at_seconds[slots] >= now_seconds - self._seconds
        return np.where((slots != UNKNOWN) & is_there & is_young, slots, UNKNOWN)

    def mark_labelled(self, slots: Slots) -> npt.NDArray[np.bool_]:
        """Take note that labels have come for these; True for each that had none, the first time it is among them."""
        firsts = np.zeros(len(slots), dtype=np.bool_)
        firsts[np.unique(slots, return_index=True)[1]] = True
        firsts &= ~self._labelled[slots]
        self._labelled[slots] = True
        return firsts

    def read(self, slots: Slots) -> Remembered:
        """What was predicted there."""
        return Remembered(self._versions[slots], self._scores[slots], self._at_seconds[slots])

    def _put(self, begin: int, version: int, hashes: Hashes, rows: Scores, at_seconds: float) -> None:
        """Write over consecutive places."""
        places = slice(begin, begin + len(hashes))
        self._hashes[places] = hashes
        self._at_seconds[places] = at_seconds
        self._versions[places] = version
        self._labelled[places] = False
        self._scores[places, : rows.shape[1]] = rows
        self._scores[places, rows.shape[1] :] = np.nan

    def _sort_latest(self) -> _Index:
        """Those that are not in the index yet."""
        if self._latest_of != self._count:
            numbers = np.arange(max(self._indexed, self._count - self._most), self._count)
            slots = numbers % self._most
            self._latest, self._latest_of = _sort(self._hashes[slots], slots), self._count
        return self._latest

    def _merge(self) -> None:
        """Put the latest into the index, and leave out what is overwritten by now."""
        latest = self._sort_latest()
        is_used_again = np.zeros(self._most, dtype=np.bool_)
        is_used_again[latest.slots] = True
        # What lies there now says nothing of that: it may be of the same id.
        kept = ~is_used_again[self._index.slots]
        hashes, slots = self._index.hashes[kept], self._index.slots[kept]
        at = np.searchsorted(hashes, latest.hashes, side="right") + np.arange(len(latest.hashes))
        is_older = np.ones(len(hashes) + len(at), dtype=np.bool_)
        is_older[at] = False
        merged = _Index(np.empty(len(is_older), dtype=np.int64), np.empty(len(is_older), dtype=np.intp))
        merged.hashes[at], merged.slots[at] = latest
        merged.hashes[is_older], merged.slots[is_older] = hashes, slots
        nothing = np.empty(0, dtype=np.intp)
        self._index, self._indexed = merged, self._count
        self._latest, self._latest_of = _Index(nothing.astype(np.int64), nothing), self._count


def _sort(hashes: Hashes, slots: Slots) -> _Index:
    order = np.argsort(hashes, kind="stable")
    return _Index(hashes[order], slots[order])
