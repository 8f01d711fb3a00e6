"""Pages of a job's results, read on a thread."""

from collections.abc import Iterable, Iterator

from scoreline.errors import ResultsGone
from scoreline.http.batch.readers import ResultReaders
from scoreline.http.batch.rows import Columns, check_result, join_columns
from scoreline.http.pool import BoundedPool
from scoreline.jobs.job import JobSnapshot
from scoreline.jobs.result import ChunkResult
from scoreline.jobs.view import JobView

MOST_VALUES = 1_000_000
"""Predictions and scores of one page, which is cut short where a model has very many classes."""


class ResultPages:
    """Reads some rows of a job that has succeeded. Use it from one event loop."""

    def __init__(self, view: JobView, readers: ResultReaders, pool: BoundedPool) -> None:
        self._view = view
        self._readers = readers
        self._pool = pool

    async def read(self, job: JobSnapshot, offset: int, limit: int) -> Columns:
        """The rows from `offset` on, at most `limit`; fewer at the end of the job, or where they have very many scores.

        Raises:
            ResultsGone: retention has taken them.
            Unavailable: Kafka is away.
            Overloaded, DeadlineExceeded: too many ask, or it takes too long.
        """
        return await self._pool.run(lambda: self._read(job, offset, limit))

    def _read(self, job: JobSnapshot, offset: int, limit: int) -> Columns:
        rows = max(0, min(limit, job.rows - offset))
        places = self._view.locate(job.job_id, offset, rows) if rows else ()
        with self._readers.lend() as reader:
            results = (check_result(r, p, job) for r, p in zip(reader.read(places), places, strict=True))
            columns = join_columns(_take_some(results, offset), offset, rows)
        if rows and not columns.predictions:
            raise _refuse()
        return columns


def _take_some(results: Iterable[ChunkResult], first_row: int) -> Iterator[ChunkResult]:
    """As many as a page may have, at least one, and no row missing between them."""
    values = 0
    for result in results:
        if result.first_row > first_row:
            raise _refuse()
        first_row = result.first_row + result.rows
        yield result
        values += result.rows * (1 + len(result.classes))
        if values >= MOST_VALUES:
            return


def _refuse() -> ResultsGone:
    return ResultsGone("not all events of the job are kept any more")
