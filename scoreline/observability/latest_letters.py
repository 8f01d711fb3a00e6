"""The latest dead letters, for who looks at a page: where each record lies and why, never what is in it."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from scoreline.observability.events import BatchScored
from scoreline.records import DeadLetter, Reason, Record

KEPT = 20


@dataclass(frozen=True, slots=True)
class LetterSeen:
    """One dead letter, without its detail, which may quote the value of a feature.

    Attributes:
        at_ms: when its batch was finished, milliseconds since the epoch.
        topic, partition, offset: of the record.
    """

    at_ms: int
    reason: Reason
    topic: str
    partition: int
    offset: int
    version: int | None


class LatestDeadLetters:
    """Observer of batches that keeps the last few dead letters; safe between threads."""

    def __init__(self, kept: int = KEPT) -> None:
        self._lock = threading.Lock()
        self._kept = kept
        self._seen: deque[LetterSeen] = deque(maxlen=kept)

    def batch_scored(self, event: BatchScored) -> None:
        """Keep what of the batch is among the last."""
        if not event.dead_letters:
            return
        seen = [_describe(letter, event.finished_at_ms) for letter in event.dead_letters[-self._kept :]]
        with self._lock:
            self._seen.extend(seen)

    def turned(self) -> None:
        """A turn of the loop alone tells nothing here."""

    def batch_rolled_back(self, records: Sequence[Record], error: Exception, retry_seconds: float) -> None:
        """Its dead letters are none yet."""

    def read(self) -> Sequence[LetterSeen]:
        """The latest, newest first."""
        with self._lock:
            return tuple(reversed(self._seen))


def _describe(letter: DeadLetter, at_ms: int) -> LetterSeen:
    record = letter.record
    return LetterSeen(at_ms, letter.reason, record.topic(), record.partition(), record.offset(), letter.version)
