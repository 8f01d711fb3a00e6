"""What the model store said last of versions and aliases: a page that waits for it shows nothing when it is away."""

import asyncio
from collections.abc import Callable

from scoreline.errors import Overloaded, ServiceError
from scoreline.http.errors import DeadlineExceeded
from scoreline.http.model_answers import ListingAnswer
from scoreline.http.pool import BoundedPool
from scoreline.records import Clock

KEPT_SECONDS = 10.0
PATIENCE_SECONDS = 0.25


class RecentListing:
    """Asks on a thread, at most every ten seconds and never twice at once. Use it from one event loop.

    Args:
        pool: may be kept busy by a store that does not answer; nothing else should need it.
        clock: monotonic seconds.
    """

    def __init__(self, ask: Callable[[], ListingAnswer], pool: BoundedPool, clock: Clock) -> None:
        self._ask = ask
        self._pool = pool
        self._clock = clock
        self._known: ListingAnswer | None = None
        self._asked_at: float | None = None
        self._asking: asyncio.Task[ListingAnswer] | None = None

    async def read(self) -> ListingAnswer | None:
        """What is known, no older than ten seconds where the store answers at once; None before its first answer."""
        if self._asking is None and (self._asked_at is None or self._clock() - self._asked_at >= KEPT_SECONDS):
            self._asked_at = self._clock()
            self._asking = asyncio.create_task(self._pool.run(self._ask))
        asking = self._asking
        if asking is not None:
            await asyncio.wait({asking}, timeout=PATIENCE_SECONDS)
            if asking.done() and asking is self._asking:
                self._asking = None
                self._take(asking)
        return self._known

    def _take(self, answered: "asyncio.Task[ListingAnswer]") -> None:
        try:
            self._known = answered.result()
        except (Overloaded, DeadlineExceeded):
            self._remark("it does not answer in time")
        except ServiceError as error:
            self._remark(str(error))

    def _remark(self, problem: str) -> None:
        if self._known is not None:
            self._known = {**self._known, "problem": problem}
