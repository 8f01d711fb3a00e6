"""Pages of a job's results, read on a thread."""

from scoreline.errors import ResultsGone
from scoreline.http.batch_readers import ResultReaders
from scoreline.http.batch_rows import Columns, check_result, join_columns
from scoreline.http.pool import BoundedPool
from scoreline.jobs.job import JobSnapshot
from scoreline.jobs.view import JobView


class ResultPages:
    """Reads some rows of a job that has succeeded. Use it from one event loop."""

    def __init__(self, view: JobView, readers: ResultReaders, pool: BoundedPool) -> None:
        self._view = view
        self._readers = readers
        self._pool = pool

    async def read(self, job: JobSnapshot, offset: int, limit: int) -> Columns:
        """The rows from `offset` on, at most `limit`, fewer at the end of the job.

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
            columns = join_columns(results, offset, rows)
        if len(columns.predictions) != rows:
            raise ResultsGone("the job's events are not kept any more")
        return columns
