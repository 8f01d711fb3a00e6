"""Looks at the alias in the background: one look at a time, whoever asks for it."""

import threading
from concurrent.futures import Future, wait

from scoreline.kafka.client.bounded import call_in_thread
from scoreline.models.reloading import Look, Reloader


class Follower:
    """Begins looks on threads that nobody waits for: a store that is away may answer later than a stop may take."""

    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader
        self._lock = threading.Lock()
        self._looks: list[Future[Look]] = []
        """The one that is under way, and the one that waits for its end."""

    def look(self) -> Future[Look]:
        """A look that begins now, or the one that is under way."""
        with self._lock:
            return (self._unfinished() or self._begin(anew=False))[0]

    def look_anew(self) -> Future[Look]:
        """A look that begins now, or once the one under way has ended: that may have seen the alias already.

        It also tries again what was rejected before.
        """
        with self._lock:
            looks = self._unfinished()
            return (looks if len(looks) > 1 else self._begin(anew=True))[-1]

    def _unfinished(self) -> list[Future[Look]]:
        self._looks = [look for look in self._looks if not look.done()]
        return self._looks

    def _begin(self, *, anew: bool) -> list[Future[Look]]:
        before = list(self._looks)

        def look() -> Look:
            wait(before)
            return self._reloader.look(anew=anew)

        self._looks.append(call_in_thread(look))
        return self._looks
