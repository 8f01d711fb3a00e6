"""Signs of life of a loop: that it turns, and that what it waits for is answered."""

from scoreline.records import Clock

PATIENCE_SECONDS = 5.0
"""An acknowledgement takes milliseconds: after this long without one the producer is not healthy."""

STALE_SECONDS = 60.0
"""A loop that has not turned for this long is stuck: a batch takes milliseconds, a pause at most 30 s."""


class Heartbeat:
    """Written by the thread of a loop, read by others.

    Args:
        clock: monotonic seconds.
        name: of the loop, for people.
    """

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._name = name
        self._turned_at = clock()
        self._waiting_since: float | None = None

    def seen(self) -> None:
        """The loop is alive, whatever it does."""
        self._turned_at = self._clock()

    def turned(self) -> None:
        """The loop has begun another turn."""
        self.seen()
        self._waiting_since = None

    def acknowledgement_awaited(self) -> None:
        """The loop is alive, and waits for the broker."""
        self.seen()
        if self._waiting_since is None:
            self._waiting_since = self._turned_at

    @property
    def is_alive(self) -> bool:
        """Whether it has turned lately."""
        return self._clock() - self._turned_at < STALE_SECONDS

    def find_trouble(self) -> str | None:
        """What is wrong with it, None for nothing."""
        now, since = self._clock(), self._waiting_since
        waiting_seconds = 0.0 if since is None else now - since
        if waiting_seconds >= PATIENCE_SECONDS:
            return f"nothing has been acknowledged for {waiting_seconds:.0f} s"
        quiet_seconds = now - self._turned_at
        return f"{self._name} has not turned for {quiet_seconds:.0f} s" if quiet_seconds >= STALE_SECONDS else None
