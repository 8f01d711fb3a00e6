"""Stops the stream when more of the last records than is allowed are dead letters: then it is not the records."""

from collections.abc import Sequence

import numpy as np

from scoreline.errors import TooManyDeadLetters
from scoreline.records import DeadLetter, Reason, Record

LEAST_RECORDS = 100
"""Of fewer than this nothing can be said."""


class Breaker:
    """Judges the last records of this member, tombstones not counted.

    Judged is the window as it would be with the batch in hand; what is judged counts only once it is recorded, so a
    batch that trips the breaker may be judged again when its cure has come. One thread judges; `let_pass` may be called
    from any.

    Args:
        max_ratio: of dead letters, above which the breaker trips; 1 never does.
        window: how many records are looked at.
    """

    def __init__(self, max_ratio: float, window: int) -> None:
        self._max_ratio = max_ratio
        self._window = window
        self._flags = np.zeros(window, dtype=np.bool_)
        self._at = 0
        self._seen = 0
        self._dead = 0
        self._allowance = 0

    def judge(self, records: Sequence[Record], dead_letters: Sequence[DeadLetter]) -> None:
        """See whether a batch may be published.

        Raises:
            TooManyDeadLetters: it may not; says how many, and the most frequent reason with an example.
        """
        if not dead_letters or self._allowance > 0:
            return
        flags = _flag(records, dead_letters)[-self._window :]
        kept = min(self._seen, self._window - len(flags))
        oldest = self._flags[(self._at + np.arange(self._window - kept)) % self._window] if self._dead else ()
        dead = self._dead - int(np.count_nonzero(oldest)) + int(np.count_nonzero(flags))
        total = kept + len(flags)
        if total >= LEAST_RECORDS and dead > self._max_ratio * total:
            raise TooManyDeadLetters(_describe(dead, total, self._max_ratio, dead_letters))

    def record(self, records: Sequence[Record], dead_letters: Sequence[DeadLetter], tombstones: int) -> None:
        """A batch was published.

        Args:
            tombstones: among the records.
        """
        if dead_letters:
            self._append(_flag(records, dead_letters))
        else:
            self._append_good(len(records) - tombstones)

    def let_pass(self) -> None:
        """Publish the next window of records whatever becomes of them; after that, judge again."""
        self._allowance = self._window

    def lets_pass(self) -> bool:
        """Whether records pass unjudged at the moment."""
        return self._allowance > 0

    def _append_good(self, count: int) -> None:
        if self._dead:
            self._append(np.zeros(count, dtype=np.bool_))
            return
        self._at = (self._at + count) % self._window
        self._count(count)

    def _append(self, flags: np.ndarray) -> None:
        count, flags = len(flags), flags[-self._window :]
        at = (self._at + np.arange(len(flags))) % self._window
        self._flags[at] = flags
        self._dead = int(np.count_nonzero(self._flags))
        self._at = (self._at + len(flags)) % self._window
        self._count(count)

    def _count(self, count: int) -> None:
        self._seen = min(self._window, self._seen + count)
        self._allowance = max(0, self._allowance - count)


def _flag(records: Sequence[Record], dead_letters: Sequence[DeadLetter]) -> np.ndarray:
    """Which records are dead letters, in input order, without tombstones."""
    dead = {id(letter.record) for letter in dead_letters if letter.reason is not Reason.TOMBSTONE}
    return np.fromiter((id(r) in dead for r in records if r.value() is not None), dtype=np.bool_)


def _describe(dead: int, total: int, max_ratio: float, dead_letters: Sequence[DeadLetter]) -> str:
    reasons = [letter.reason for letter in dead_letters]
    reason = max(set(reasons), key=reasons.count)
    example = next(letter.record for letter in dead_letters if letter.reason is reason)
    where = f"{example.topic()}[{example.partition()}] offset {example.offset()}"
    return (
        f"{dead} of the last {total} records would be dead letters, over DEAD_LETTER_MAX_RATIO={max_ratio:g}; "
        f"mostly {reason}, such as {where}; nothing of this batch was published: cure it, or let a window of records "
        "pass with POST /stream/resume"
    )
