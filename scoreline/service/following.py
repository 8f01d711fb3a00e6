"""Looks at the alias in the background: one look at a time, whoever asks for it."""

import threading
from concurrent.futures import Future
from queue import SimpleQueue

from scoreline.models.reloading import Look, Reloader


class Follower:
    """Begins looks on a thread that nobody waits for: a store that is away may answer later than a stop may take.

    It is always the same thread. The C library gives threads arenas of their own, and what one has freed is not there
    for others: were each version loaded on a new one, a room for a model would stay behind in every arena.
    """

    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader
        self._lock = threading.Lock()
        self._under_way: Future[Look] | None = None
        self._asked: SimpleQueue[Future[Look]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def look(self) -> Future[Look]:
        """A look that begins now, or the one that is under way."""
        with self._lock:
            if self._under_way is None or self._under_way.done():
                self._under_way = Future()
                self._asked.put(self._under_way)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
                self._thread.start()
            return self._under_way

    def _run(self) -> None:
        while True:
            asked = self._asked.get()
            try:
                asked.set_result(self._reloader.look())
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is asked for
                asked.set_exception(error)
