"""All results of a job as lines, read chunk by chunk on a thread while they are sent."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from scoreline.errors import Overloaded, ResultsGone
from scoreline.http.batch.readers import ResultReaders
from scoreline.http.batch.rows import check_result, write_lines
from scoreline.http.errors import DeadlineExceeded
from scoreline.http.futures import wait_for
from scoreline.jobs.job import JobSnapshot
from scoreline.jobs.ports import ResultReader
from scoreline.jobs.result import ChunkResult
from scoreline.jobs.view import JobView

logger = logging.getLogger("scoreline.http")

MOST_STREAMS = 4
"""So many callers are sent all results of a job at once: each has a reader of its own, and a chunk in memory."""

READ_SECONDS = 30.0
"""How long a chunk may take to be read."""


class ResultStreams:
    """Opens streams of lines. Use it from one event loop."""

    def __init__(self, view: JobView, readers: ResultReaders) -> None:
        self._view = view
        self._readers = readers
        self._executor = ThreadPoolExecutor(MOST_STREAMS, thread_name_prefix="results")
        self._open = 0

    @property
    def open(self) -> int:
        """Streams that are being sent, or whose thread has not ended yet."""
        return self._open

    async def open_lines(self, job: JobSnapshot, offset: int, limit: int) -> "ResultLines":
        """Lines of a job that has succeeded; the first chunk is read before an answer begins that could not be undone.

        Raises:
            ResultsGone: retention has taken them.
            Unavailable: Kafka is away.
            Overloaded, DeadlineExceeded: too many ask, or it takes too long.
        """
        if self._open >= MOST_STREAMS:
            raise Overloaded(f"results are being sent to {self._open} callers already, which is all that are allowed")
        self._open += 1
        chunks = _Chunks(self._view, self._readers, job, offset, limit)
        lines = ResultLines(self._executor, chunks, self._note_closed)
        try:
            await lines.look()
        except BaseException:
            await lines.close()
            raise
        return lines

    def close(self) -> None:
        """End the threads once they have read what they are reading."""
        self._executor.shutdown(wait=False)

    def _note_closed(self, closed: "asyncio.Future[None]") -> None:
        self._open -= 1
        error = None if closed.cancelled() else closed.exception()
        if error is not None:
            logger.warning("a reader of results could not be closed: %s", error, extra={"event": "reader_not_closed"})


class ResultLines:
    """`Pieces` of one chunk each."""

    def __init__(
        self, executor: ThreadPoolExecutor, chunks: "_Chunks", note_closed: "Callable[[asyncio.Future[None]], None]"
    ) -> None:
        self._executor = executor
        self._chunks = chunks
        self._note_closed = note_closed
        self._seen: bytes | None = None

    async def look(self) -> None:
        """Read the first piece; `take` gives it."""
        self._seen = await self._read()

    async def take(self) -> bytes | None:
        """The lines of the next chunk."""
        if self._seen is not None:
            seen, self._seen = self._seen, None
            return seen
        return await self._read()

    async def close(self) -> None:
        """Give back the reader, once its thread has let go of it; nobody waits for that."""
        # Not on the threads that read: when the sidecar stops, those end before the last answer is cut off.
        asyncio.get_running_loop().run_in_executor(None, self._chunks.close).add_done_callback(self._note_closed)

    async def _read(self) -> bytes | None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await wait_for(self._executor.submit(self._chunks.take))
        except TimeoutError as error:
            raise DeadlineExceeded(f"results could not be read within {READ_SECONDS:g} s") from error


class _Chunks:
    """What the threads do: one call at a time, on any of them."""

    def __init__(self, view: JobView, readers: ResultReaders, job: JobSnapshot, offset: int, limit: int) -> None:
        self._view = view
        self._readers = readers
        self._job = job
        self._offset = offset
        self._rows = max(0, min(limit, job.rows - offset))
        self._reader: ResultReader | None = None
        self._results: Iterator[ChunkResult] | None = None
        self._left = self._rows
        self._closed = False
        self._lock = threading.Lock()

    def take(self) -> bytes | None:
        with self._lock:
            if self._closed or not self._left:
                return None
            if self._results is None:
                self._reader = self._readers.take()
                self._results = self._read(self._reader)
            result = next(self._results, None)
            if result is None:
                raise ResultsGone("the job's events are not kept any more")
            lines = write_lines(result, self._offset, self._rows)
            self._left -= lines.count(b"\n")
            return lines

    def close(self) -> None:
        with self._lock:
            self._closed = True
            reader, self._reader = self._reader, None
            if reader is None:
                return
            if self._left:  # interrupted: what it had fetched ahead is of no use to others
                reader.close()
            else:
                self._readers.give_back(reader)

    def _read(self, reader: ResultReader) -> Iterator[ChunkResult]:
        places = self._view.locate(self._job.job_id, self._offset, self._rows)
        return (check_result(r, p, self._job) for r, p in zip(reader.read(places), places, strict=True))
