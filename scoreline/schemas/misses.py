"""Answers of "there is none", remembered for a while so that a stream of bad records does not hammer who gave them."""

from collections.abc import Hashable

from scoreline.errors import SchemaError
from scoreline.records import Clock


class Misses:
    """What was asked for in vain, and what the answer was; bounded, the oldest are forgotten first.

    Args:
        seconds: for how long.
        clock: monotonic seconds.
        capacity: how many at most.
    """

    def __init__(self, seconds: float, *, clock: Clock, capacity: int = 10_000) -> None:
        self._seconds = seconds
        self._clock = clock
        self._capacity = capacity
        self._known: dict[Hashable, tuple[float, type[SchemaError], str]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def remember(self, key: Hashable, error: SchemaError) -> None:
        """Note an answer; the error itself is not kept, because every raise would make its traceback longer."""
        self._known.pop(key, None)
        self._known[key] = (self._clock() + self._seconds, type(error), str(error))
        if len(self._known) > self._capacity:
            del self._known[next(iter(self._known))]

    def raise_known(self, key: Hashable) -> None:
        """Give the same answer again while it is remembered.

        Raises:
            SchemaError: of the kind that was noted.
        """
        if key not in self._known:
            return
        until, kind, message = self._known[key]
        if self._clock() < until:
            raise kind(message)
        del self._known[key]
