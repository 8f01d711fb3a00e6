"""What the model store said last of versions and aliases: a page that waits for it shows nothing when it is away."""

import asyncio
import logging
from collections.abc import Callable

from scoreline.errors import Overloaded, ServiceError
from scoreline.http.errors import DeadlineExceeded
from scoreline.http.model_answers import ListingAnswer
from scoreline.http.pool import BoundedPool
from scoreline.records import Clock

logger = logging.getLogger("scoreline.http")

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
            # Whoever asked may have gone: what comes is taken when it comes.
            self._asking.add_done_callback(self._take)
        if self._asking is not None:
            await asyncio.wait({self._asking}, timeout=PATIENCE_SECONDS)
        return self._known

    def _take(self, answered: "asyncio.Task[ListingAnswer]") -> None:
        self._asking = None
        if answered.cancelled():
            return
        try:
            self._known = answered.result()
        except (Overloaded, DeadlineExceeded):
            self._remark("it does not answer in time")
        except ServiceError as error:
            self._remark(str(error))
        except Exception as error:
            # The page has to be there most of all where something else than foreseen has happened.
            logger.exception("the model store could not be listed", extra={"event": "model_listing_failed"})
            self._remark(f"{type(error).__name__}: {error}")

    def _remark(self, problem: str) -> None:
        if self._known is not None:
            self._known = {**self._known, "problem": problem}
