"""How a delivery waits for a broker that may be away: alive, a member of its group, and not beyond a stop."""

from collections.abc import Callable
from typing import Protocol

from scoreline.records import Clock

PATIENCE_SECONDS = 5.0
"""A broker that is restarted is back by then, and fetching need not be paused for it."""


class Member(Protocol):
    """Someone who has to go on being one of a group: a source, or several."""

    def keep_alive(self) -> None:
        """See `scoreline.transport.ports.Source.keep_alive`."""
        ...


class Patience:
    """Asked between two slices of a wait.

    A wait that lasts would have the group take this member for dead, and every rebalance wait for it; so from then on
    the source is kept alive, which pauses its fetching.

    Args:
        clock: monotonic seconds.
        should_give_up: whether the time that a stop is allowed is over.
        heartbeat: told that this thread is alive and waits.
        seconds: after how long a wait counts as lasting.
    """

    def __init__(
        self,
        source: Member,
        *,
        clock: Clock,
        should_give_up: Callable[[], bool],
        heartbeat: Callable[[], None],
        seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._source = source
        self._clock = clock
        self._should_give_up = should_give_up
        self._heartbeat = heartbeat
        self._seconds = seconds
        self._lasts_from = clock() + seconds

    def renew(self) -> None:
        """Another wait begins."""
        self._lasts_from = self._clock() + self._seconds

    def keep_waiting(self) -> bool:
        """Whether to go on; False when a stop allows no more."""
        self._heartbeat()
        if self._should_give_up():
            return False
        if self._clock() >= self._lasts_from:
            self._source.keep_alive()
        return True
