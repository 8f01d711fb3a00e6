"""Says a repeated thing at once the first time, and then only how often it happened, at most once an interval."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from scoreline.records import Clock

Key = TypeVar("Key", bound=Hashable)


class Repeats(Generic[Key]):
    """Counts occurrences by key between two reports of that key; not safe between threads.

    Args:
        clock: monotonic seconds.
        interval_seconds: least time between two reports of a key.
    """

    def __init__(self, clock: Clock, *, interval_seconds: float = 10.0) -> None:
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._reported_at: dict[Key, float] = {}
        self._pending: dict[Key, int] = {}

    def count(self, key: Key, occurrences: int = 1) -> int:
        """Take note; returns how many occurrences to report now, 0 when it is too early to say more."""
        now = self._clock()
        pending = self._pending.pop(key, 0) + occurrences
        last = self._reported_at.get(key)
        if last is None or now - last >= self._interval_seconds:
            self._reported_at[key] = now
            return pending
        self._pending[key] = pending
        return 0

    def due(self) -> Iterator[tuple[Key, int]]:
        """Keys whose counts have waited for the interval, with those counts; quiet keys are forgotten."""
        now = self._clock()
        ripe = [key for key, last in self._reported_at.items() if now - last >= self._interval_seconds]
        for key in ripe:
            pending = self._pending.pop(key, 0)
            if pending:
                self._reported_at[key] = now
                yield key, pending
            else:
                del self._reported_at[key]
