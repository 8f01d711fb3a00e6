"""Chunks of an upload on their way to Kafka: at most so much of them not acknowledged yet."""

from collections import deque
from concurrent.futures import Future

from scoreline.errors import Unavailable
from scoreline.http.futures import wait_for
from scoreline.jobs.chunk import Chunk
from scoreline.jobs.ports import JobPublisher
from scoreline.records import Headers

MOST_UNACKNOWLEDGED_BYTES = 4 * 1024 * 1024
"""Of one upload: enough for several chunks on every partition, so that nobody waits for a single round trip."""


class ChunkUpload:
    """Publishes the chunks of one upload; whoever cuts them faster than Kafka takes them has to wait.

    Args:
        headers: of the record of each.
    """

    def __init__(
        self, publisher: JobPublisher, headers: Headers = (), *, most_bytes: int = MOST_UNACKNOWLEDGED_BYTES
    ) -> None:
        self._publisher = publisher
        self._headers = headers
        self._most_bytes = most_bytes
        self._pending: deque[tuple[Future[None], int]] = deque()
        self._bytes = 0
        self.chunks = 0
        self.rows = 0

    async def publish(self, chunk: Chunk) -> None:
        """Publish a chunk, when there is room for it.

        Raises:
            DeliveryError, Unavailable: Kafka has not taken it, or one before it.
        """
        size = len(chunk.lines)
        while self._pending and (self._pending[0][0].done() or self._bytes + size > self._most_bytes):
            await self._settle_oldest()
        self._pending.append((await self._begin(chunk), size))
        self._bytes += size
        self.chunks += 1
        self.rows += chunk.rows

    async def finish(self) -> None:
        """Wait until all of them are acknowledged.

        Raises:
            DeliveryError, Unavailable: Kafka has not taken one.
        """
        while self._pending:
            await self._settle_oldest()

    async def _begin(self, chunk: Chunk) -> "Future[None]":
        while True:
            try:
                return self._publisher.publish_chunk(chunk, self._headers)
            except Unavailable:
                # Others have filled what all uploads share: there is room again when one of ours is acknowledged.
                if not self._pending:
                    raise
                await self._settle_oldest()

    async def _settle_oldest(self) -> None:
        future, size = self._pending.popleft()
        self._bytes -= size
        await wait_for(future)
