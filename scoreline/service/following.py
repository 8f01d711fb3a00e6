"""Looks at the alias in the background: one look at a time, whoever asks for it."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future

from scoreline.kafka.client.bounded import call_in_thread
from scoreline.models.reloading import Look, Reloader

LONGEST_UNSEEN_SECONDS = 10.0
"""How long a store may be back before a look finds out, however rarely there are looks."""


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
