"""Results of batch jobs: pages of them, or all as lines that are read while they are sent."""

import threading
from collections.abc import Iterator
from functools import partial

from scoreline.errors import Overloaded
from scoreline.http.batch_readers import ResultReaders
from scoreline.http.batch_rows import Columns, check_result, join_columns, write_lines
from scoreline.http.pool import BoundedPool
from scoreline.jobs.job import JobSnapshot
from scoreline.jobs.ports import ResultReader
from scoreline.jobs.result import ChunkResult
from scoreline.jobs.view import JobView

MOST_STREAMS = 4
"""So many callers are sent all results of a job at once: each keeps a reader, and a chunk of up to a few MiB."""

READ_SECONDS = 30.0
"""How long a chunk may take to be read, once an answer has begun."""


class BatchResults:
    """Reads results on threads. Use it from one event loop; `close` once it is over.

    Args:
        paging: threads for pages, which are small.
        streaming: threads for lines.
    """

    def __init__(
        self, view: JobView, readers: ResultReaders, *, paging: BoundedPool, streaming: BoundedPool
    ) -> None:
        self._view = view
        self._readers = readers
        self._paging = paging
        self._streaming = streaming
        self._streams = 0

    async def read_page(self, job: JobSnapshot, offset: int, limit: int) -> Columns:
        """Rows of a job that has succeeded.

        Raises:
            ResultsGone: retention has taken them.
            Unavailable: Kafka is away.
            Overloaded, DeadlineExceeded: too many ask, or it takes too long.
        """
        return await self._paging.run(lambda: self._read_columns(job, offset, limit))

    async def open_lines(self, job: JobSnapshot, offset: int, limit: int) -> "ResultLines":
        """The same rows as lines; the first chunk is read already, so that most of what can fail has not.

        Raises:
            As `read_page`.
        """
        if self._streams >= MOST_STREAMS:
            raise Overloaded(f"results are sent to {self._streams} callers already, which is all that are allowed")
        self._streams += 1
        chunks = _Chunks(self._view, self._readers, job, offset, limit)
        try:
            first = await self._streaming.run(chunks.take)
        except BaseException:
            self._release(chunks)
            raise
        return ResultLines(first, partial(self._streaming.run, chunks.take), partial(self._release, chunks))

    def close(self) -> None:
        """Close the readers that are open."""
        self._readers.close()

    def _read_columns(self, job: JobSnapshot, offset: int, limit: int) -> Columns:
        places = self._view.locate(job.job_id, offset, limit)
        with self._readers.lend() as reader:
            found = (check_result(r, p, job) for r, p in zip(reader.read(places), places, strict=True))
            return join_columns(found, offset, limit)
