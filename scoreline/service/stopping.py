"""One stop for everything: a signal that the loops see, and one deadline for all that a stop has to do."""

import logging
import signal
import threading
from types import FrameType
from typing import NoReturn

from scoreline.records import Clock

logger = logging.getLogger("scoreline.service")


class EarlyStop:
    """Handles signals before the start is complete: there is nothing in hand, so the process leaves at once.

    Attributes:
        requested: whether one has come; it is to be looked at when the start is complete, because a library that is
            being imported, or that calls back, may have caught the exit.
    """

    def __init__(self) -> None:
        self.requested = False

    def __call__(self, number: int, _: FrameType | None) -> NoReturn:
        """Say so and leave."""
        self.requested = True
        name = signal.Signals(number).name
        logger.info(
            "%s: stopped before the start was complete", name, extra={"event": "service_stopped", "signal": name}
        )
        raise SystemExit(0)


class Stop:
    """Requested once, by a signal or a failure; safe between threads. Implements `scoreline.stream.loop.StopSignal`."""

    def __init__(self, deadline_seconds: float, clock: Clock) -> None:
        self._deadline_seconds = deadline_seconds
        self._clock = clock
        self._event = threading.Event()
        self._requested_at: float | None = None

    def request(self) -> None:
        """Ask everything to end; only the first call starts the clock."""
        if self._requested_at is None:
            self._requested_at = self._clock()
        self._event.set()

    def is_set(self) -> bool:
        """Whether a stop was requested."""
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the request; True when it has come."""
        return self._event.wait(timeout)

    def left_seconds(self) -> float:
        """What is left of the deadline; all of it before a stop is requested, never under 0."""
        if self._requested_at is None:
            return self._deadline_seconds
        return max(0.0, self._deadline_seconds - (self._clock() - self._requested_at))

    @property
    def answer_seconds(self) -> float:
        """How long one call that ends a client may wait for a broker that may be away."""
        return min(2.5, self._deadline_seconds / 10)

    @property
    def sidecar_seconds(self) -> float:
        """What the sidecar keeps of the deadline for those whom it is answering."""
        return min(1.0, self._deadline_seconds / 10)

    def is_overdue(self) -> bool:
        """Whether what is unfinished has to be given up so that the rest of the stop fits the deadline.

        The rest is a last commit, releasing the producer, leaving the group, noticing that it is time, and the sidecar.
        """
        reserve_seconds = min(self._deadline_seconds / 2, 3 * self.answer_seconds + 0.5 + self.sidecar_seconds)
        return self.is_set() and self.left_seconds() <= reserve_seconds
