"""`GET /batch/{job_id}/results`: a page of a job's results, or all of them as lines."""

from urllib.parse import urlencode

from scoreline.http.batch.bodies import ResultsPage, find_results_path
from scoreline.http.batch.body import NDJSON
from scoreline.http.batch.lookup import JobLookup
from scoreline.http.batch.result_pages import ResultPages
from scoreline.http.batch.rows import unset_if_empty
from scoreline.http.batch.streams import ResultStreams
from scoreline.http.errors import JobNotFinished, NoResults
from scoreline.http.exchange import Answer, Call, answer_json
from scoreline.http.query import read_count, read_query
from scoreline.jobs.job import JobSnapshot, JobStatus

DEFAULT_PAGE, MOST_PAGE = 1000, 10_000

_QUERY = frozenset({"offset", "limit"})


class BatchResults:
    """Answers with results; whether as a page or as lines is the query's, then the Accept header's to say."""

    def __init__(self, lookup: JobLookup, pages: ResultPages, streams: ResultStreams) -> None:
        self._lookup = lookup
        self._pages = pages
        self._streams = streams

    async def show(self, call: Call) -> Answer:
        """Results of a job that has succeeded.

        Raises:
            JobNotFound, ResultsGone: there is no such job, or no more.
            JobNotFinished, NoResults: it has none yet, or never will.
            Overloaded, Unavailable, DeadlineExceeded: too many ask, or Kafka is away.
        """
        query = read_query(call.request, _QUERY)
        offset = read_count(query, "offset", 0, least=0)
        as_lines = not query or _takes_lines(call)
        limit = read_count(query, "limit", DEFAULT_PAGE, most=None if as_lines else MOST_PAGE)
        job = check_succeeded(await self._lookup.find_kept(call.parameter))
        if as_lines:
            return await self._answer_lines(job, offset, limit if "limit" in query else job.rows)
        return await self._answer_page(job, offset, limit)

    async def _answer_lines(self, job: JobSnapshot, offset: int, limit: int) -> Answer:
        lines = await self._streams.open_lines(job, offset, limit)
        return Answer(200, b"", NDJSON, version=job.version, pieces=lines)

    async def _answer_page(self, job: JobSnapshot, offset: int, limit: int) -> Answer:
        columns = await self._pages.read(job, offset, limit)
        following = offset + len(columns.predictions)
        query = urlencode({"offset": following, "limit": limit})
        page = ResultsPage(
            job_id=job.job_id,
            offset=offset,
            rows=job.rows,
            predictions=columns.predictions,
            labels=unset_if_empty(columns.labels),
            scores=unset_if_empty(columns.scores),
            errors=columns.errors,
            next=f"{find_results_path(job.job_id)}?{query}" if columns.predictions and following < job.rows else None,
        )
        return answer_json(page)._replace(version=job.version)


def check_succeeded(job: JobSnapshot) -> JobSnapshot:
    """The job itself, when it has results.

    Raises:
        JobNotFinished: not yet.
        NoResults: it has failed, or was cancelled.
    """
    if not job.status.ended:
        raise JobNotFinished(f"the job is {job.status}: {job.rows_done} of {job.rows} rows are done")
    if job.status is not JobStatus.SUCCEEDED:
        raise NoResults(f"the job has {'failed' if job.status is JobStatus.FAILED else 'been cancelled'}")
    return job


def _takes_lines(call: Call) -> bool:
    """Whether the caller names NDJSON among what it takes; whoever takes anything gets a page."""
    accepted = ",".join(call.request.headers.getall("Accept", ()))
    return any(each.partition(";")[0].strip().lower() == NDJSON for each in accepted.split(","))
