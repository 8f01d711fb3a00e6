"""Looks at the alias in the background: one look at a time, whoever asks for it."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue

from scoreline.models.reloading import Look, Reloader

LONGEST_UNSEEN_SECONDS = 10.0
"""How long a store may be back before a look finds out, however rarely there are looks."""


class Follower:
    """Begins looks on a thread that nobody waits for: a store that is away may answer later than a stop may take.

    It is always the same thread. The C library gives threads arenas of their own, and what one has freed is not there
    for others: were each version loaded on a new one, a room for a model would stay behind in every arena.
    """

    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader
        self._lock = threading.Lock()
        self._looks: list[Future[Look]] = []
        """The one that is under way, and the one that waits for its end."""
        self._asked: SimpleQueue[tuple[Future[Look], bool]] = SimpleQueue()
        self._thread: threading.Thread | None = None

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
        asked: Future[Look] = Future()
        self._looks.append(asked)
        self._asked.put((asked, anew))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
            self._thread.start()
        return self._looks

    def _run(self) -> None:
        while True:
            asked, anew = self._asked.get()
            try:
                asked.set_result(self._reloader.look(anew=anew))
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is asked for
                asked.set_exception(error)


async def wait_for_next_look(
    wake: asyncio.Event,
    seconds: float,
    *,
    is_away: Callable[[], bool],
    longest_unseen_seconds: float = LONGEST_UNSEEN_SECONDS,
) -> None:
    """Wait until a look is due: after a time, when somebody asks for one, or soon where the store is away.

    Only a look finds out that a store is back; until then memory answers everybody.

    Args:
        wake: set by whoever asks for a look.
        seconds: between looks while the store answers.
        is_away: whether it is not asked any more.
        longest_unseen_seconds: see `LONGEST_UNSEEN_SECONDS`.
    """
    left = seconds
    while left > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), min(left, longest_unseen_seconds))
            return
        if is_away():
            return
        left -= longest_unseen_seconds
