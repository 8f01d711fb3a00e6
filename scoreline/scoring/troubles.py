"""Tells what goes wrong again and again from what is news."""

from collections.abc import Hashable

from scoreline.records import Clock

QUIET_SECONDS = 60.0
"""What comes and goes is told so often at most."""

_MOST_REMEMBERED = 64


class Troubles:
    """Remembers of each way on which something may go wrong what did; not safe between threads.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[Hashable, tuple[str | None, float]] = {}

    def is_news(self, way: Hashable, kind: str) -> bool:
        """Whether to say that it went wrong: of another kind than before, or again after it was well."""
        now = self._clock()
        known = self._told.get(way)
        if known is not None and (known[0] == kind or now - known[1] < QUIET_SECONDS):
            return False
        self._told.pop(way, None)
        self._told[way] = kind, now
        if len(self._told) > _MOST_REMEMBERED:
            del self._told[next(iter(self._told))]
        return True

    def settle(self, way: Hashable) -> None:
        """It went well."""
        known = self._told.get(way)
        if known is not None:
            self._told[way] = None, known[1]
