"""`GET /batch`, `GET` and `DELETE /batch/{job_id}`: jobs as they stand, and an end to them."""

import msgspec

from scoreline.http.batch.bodies import Job, Jobs, make_job
from scoreline.http.batch.lookup import JobLookup
from scoreline.http.batch.result_pages import ResultPages
from scoreline.http.batch.rows import unset_if_empty
from scoreline.http.exchange import Answer, Call, answer_json
from scoreline.http.query import read_count, read_query
from scoreline.jobs.events import Cancelled
from scoreline.jobs.job import JobSnapshot, JobStatus
from scoreline.jobs.ports import JobPublisher
from scoreline.jobs.view import JobView
from scoreline.observability.traces.context import make_headers
from scoreline.records import Clock

INLINE_ROWS = 1000
"""A job of so few rows is answered together with its results."""

DEFAULT_LISTED, MOST_LISTED = 100, 1000


class BatchJobs:
    """Tells of jobs and cancels them."""

    def __init__(
        self, lookup: JobLookup, view: JobView, publisher: JobPublisher, pages: ResultPages, *, wall_clock: Clock
    ) -> None:
        self._lookup = lookup
        self._view = view
        self._publisher = publisher
        self._pages = pages
        self._wall_clock = wall_clock

    async def show(self, call: Call) -> Answer:
        """A job, with its results where they are few.

        Raises:
            JobNotFound, ResultsGone: there is no such job, or no more.
            Unavailable, DeadlineExceeded: Kafka is away.
        """
        read_query(call.request, ())
        job = await self._lookup.find_kept(call.parameter)
        if job.status is JobStatus.SUCCEEDED and job.rows <= INLINE_ROWS:
            return answer_job(await self._add_results(job), job)
        return answer_job(make_job(job), job)

    async def show_recent(self, call: Call) -> Answer:
        """The latest jobs, newest first, none of those missing that were accepted before.

        Raises:
            Unavailable, DeadlineExceeded: Kafka is away.
        """
        limit = read_count(read_query(call.request, ("limit",)), "limit", DEFAULT_LISTED, most=MOST_LISTED)
        self._lookup.check_ready()
        await self._lookup.catch_up()
        return answer_json(Jobs([make_job(job) for job in self._view.list_recent(limit)]))

    async def cancel(self, call: Call) -> Answer:
        """Cancel a job; one that has ended stays as it is.

        Raises:
            As `show`; DeliveryError where Kafka does not take it.
        """
        read_query(call.request, ())
        job = await self._lookup.find_kept(call.parameter)
        if not job.status.ended:
            cancelled = Cancelled(job.job_id, job.submission, int(self._wall_clock() * 1000))
            # Not where its id would go by now: partitions may have been added since.
            headers = make_headers(call.find_context())
            await self._lookup.wait_for(self._publisher.publish_event(cancelled, job.events_partition, headers))
            job = await self._lookup.find_newly(job.job_id) or job
        return answer_job(make_job(job), job)

    async def _add_results(self, job: JobSnapshot) -> Job:
        """The job with its results, or with where they are, when its scores are too many for a page."""
        columns = await self._pages.read(job, 0, job.rows)
        body = make_job(job)
        if len(columns.predictions) < job.rows:
            return body
        body.predictions, body.errors = columns.predictions, columns.errors
        body.labels, body.scores = unset_if_empty(columns.labels), unset_if_empty(columns.scores)
        body.results = msgspec.UNSET
        return body


def answer_job(body: Job, job: JobSnapshot, status: int = 200) -> Answer:
    """The answer that tells of a job."""
    return answer_json(body, status)._replace(version=job.version)
