"""Looks at the alias in the background: one look at a time, whoever asks for it."""

import threading
from concurrent.futures import Future

from scoreline.kafka.client.bounded import call_in_thread
from scoreline.models.reloading import Look, Reloader


class Follower:
    """Begins looks on threads that nobody waits for: a store that is away may answer later than a stop may take."""

    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader
        self._lock = threading.Lock()
        self._under_way: Future[Look] | None = None

    def look(self) -> Future[Look]:
        """A look that begins now, or the one that is under way."""
        with self._lock:
            if self._under_way is None or self._under_way.done():
                self._under_way = call_in_thread(self._reloader.look)
            return self._under_way
