"""Work that would stall the event loop, on a few threads, with a bound on how much of it may wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from scoreline.errors import Overloaded
from scoreline.http.errors import DeadlineExceeded

T = TypeVar("T")


class BoundedPool:
    """Threads with a bounded number of calls that run or wait. Use it from one event loop."""

    def __init__(self, name: str, *, threads: int, max_pending: int, timeout_seconds: float) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._max_pending = max_pending
        self._timeout_seconds = timeout_seconds
        self._pending = 0

    @property
    def pending(self) -> int:
        """Calls that run or wait."""
        return self._pending

    def check_room(self) -> None:
        """Whether another request may be taken on.

        Raises:
            Overloaded: as many as are allowed run or wait already.
        """
        if self._pending >= self._max_pending:
            raise Overloaded(f"{self._pending} requests wait for an answer already, which is all that are allowed")

    async def run(self, work: Callable[[], T]) -> T:
        """Do the work on a thread and wait for it; when nobody waits any more, work that has not begun is dropped.

        Raises:
            Overloaded: no room.
            DeadlineExceeded: it took too long, waiting included.
        """
        self.check_room()
        loop = asyncio.get_running_loop()
        future = self._executor.submit(work)
        self._pending += 1
        # A thread cannot be interrupted: abandoned work keeps its place until it ends.
        future.add_done_callback(lambda _: self._release(loop))
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise DeadlineExceeded(f"the answer was not ready within {self._timeout_seconds:g} s") from error

    def close(self) -> None:
        """Drop what waits; threads end with what they are doing."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _release(self, loop: asyncio.AbstractEventLoop) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._count_down)

    def _count_down(self) -> None:
        self._pending -= 1
