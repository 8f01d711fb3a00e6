"""Answered requests on their way to the observer, in groups: one at a time they cost a request four times as much,
because the model has emptied the processor's caches in between.
"""

import asyncio
from typing import NamedTuple

from scoreline.observability.events import RequestObserver, RequestServed

GROUP = 64
DELAY_SECONDS = 0.05

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class Served(NamedTuple):
    """The fields of `RequestServed`, not made into one yet."""

    route: str
    method: str
    status: int
    seconds: float
    request_id: str
    instances: int
    version: int | None


class ServedRequests:
    """Delivers what it was given after at most `DELAY_SECONDS`, in order. Use it from one event loop."""

    def __init__(self, observer: RequestObserver) -> None:
        self._observer = observer
        self._waiting: list[Served] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, served: Served) -> None:
        """Take note of an answered request."""
        self._waiting.append(served)
        if len(self._waiting) >= GROUP:
            self.deliver()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY_SECONDS, self._deliver_on_time)

    def deliver(self) -> None:
        """Tell the observer now: before anyone reads what it has counted."""
        waiting, self._waiting = self._waiting, []
        for served in waiting:
            self._observer.request_served(RequestServed(*served))

    def close(self) -> None:
        """Deliver what is left; nothing may be added any more."""
        if self._timer is not None:
            self._timer.cancel()
        self.deliver()

    def _deliver_on_time(self) -> None:
        self._timer = None
        self.deliver()


def name_method(method: str) -> str:
    """A method as it is counted and logged: what a caller makes up is none."""
    return method if method in _METHODS else "OTHER"
