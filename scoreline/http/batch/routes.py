"""The routes of batch jobs, put together from what Kafka is for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from scoreline.http.auth import Door
from scoreline.http.batch.body import SILENCE_SECONDS
from scoreline.http.batch.jobs import BatchJobs
from scoreline.http.batch.lookup import JobLookup
from scoreline.http.batch.operations import CANCEL, LIST, SHOW, SHOW_RESULTS, SUBMIT
from scoreline.http.batch.readers import ResultReaders
from scoreline.http.batch.result_pages import ResultPages
from scoreline.http.batch.results import BatchResults
from scoreline.http.batch.streams import MOST_STREAMS, ResultStreams
from scoreline.http.batch.submission import JobSubmitter
from scoreline.http.errors import JobsUnavailable
from scoreline.http.exchange import Answer, Answerer, Call
from scoreline.http.limits import BodyReader, Limits
from scoreline.http.pool import BoundedPool
from scoreline.http.predict.version_finder import VersionFinder
from scoreline.http.routes import Route
from scoreline.jobs.ports import EventFeed, JobPublisher, OpenResultReader
from scoreline.jobs.view import JobView
from scoreline.records import Clock

MAX_ROWS, MAX_LINE_BYTES = 10_000_000, 1024 * 1024


@dataclass(frozen=True, slots=True)
class JobServing:
    """What a sidecar has of Kafka for batch jobs.

    Attributes:
        view: that `feed` folds events into; shared with whoever else in the process reads it.
        max_rows: of a job.
        max_line_bytes: of one of its rows.
        silence_seconds: how long nothing may come of a body before it is given up.
    """

    publisher: JobPublisher
    feed: EventFeed
    view: JobView
    open_reader: OpenResultReader
    max_rows: int = MAX_ROWS
    max_line_bytes: int = MAX_LINE_BYTES
    silence_seconds: float = SILENCE_SECONDS


class BatchRoutes:
    """Makes the routes, and holds what they share. Use it from one event loop, and `close` it.

    Args:
        serving: None in a process without Kafka: then they answer that there are no jobs here.
        paging, cutting: threads that read pages of results, and look at JSON bodies.
        asks_token: whether callers are told apart by their tokens.
    """

    def __init__(
        self,
        serving: JobServing | None,
        finder: VersionFinder,
        limits: Limits,
        *,
        bodies: BodyReader,
        paging: BoundedPool,
        cutting: BoundedPool,
        asks_token: bool,
        wall_clock: Clock,
    ) -> None:
        self._readers: ResultReaders | None = None
        self._streams: ResultStreams | None = None
        if serving is None:
            self._answers: Sequence[Answerer] = (_refuse,) * 5
            return
        lookup = JobLookup(serving.feed, serving.view, timeout_seconds=limits.timeout_seconds)
        self._readers = ResultReaders(serving.open_reader, keep=MOST_STREAMS)
        self._streams = ResultStreams(serving.view, self._readers)
        pages = ResultPages(serving.view, self._readers, paging)
        jobs = BatchJobs(lookup, serving.view, serving.publisher, pages, wall_clock=wall_clock)
        submitter = JobSubmitter(
            lookup,
            serving.publisher,
            finder,
            limits,
            bodies=bodies,
            cutting=cutting,
            max_rows=serving.max_rows,
            max_line_bytes=serving.max_line_bytes,
            silence_seconds=serving.silence_seconds,
            asks_token=asks_token,
            wall_clock=wall_clock,
        )
        results = BatchResults(lookup, pages, self._streams)
        self._answers = (submitter.submit, jobs.show_recent, jobs.show, jobs.cancel, results.show)

    def list_routes(self) -> list[Route]:
        """The routes, for whoever may predict."""
        submit, show_recent, show, cancel, show_results = self._answers
        return [
            Route("POST", "/batch", Door.PREDICT, submit, "Submit a batch job", SUBMIT),
            Route("GET", "/batch", Door.PREDICT, show_recent, "The latest batch jobs", LIST),
            Route(
                "GET", "/batch/{job_id}", Door.PREDICT, show, "One batch job, with its results where they are few", SHOW
            ),
            Route("DELETE", "/batch/{job_id}", Door.PREDICT, cancel, "Cancel a batch job", CANCEL),
            Route("GET", "/batch/{job_id}/results", Door.PREDICT, show_results, "Results of a batch job", SHOW_RESULTS),
        ]

    def stop_waiting(self) -> None:
        """Give up results that do not come; those that do are still sent."""
        if self._readers is not None:
            self._readers.stop_waiting()

    def close(self) -> None:
        """End threads and readers."""
        self.stop_waiting()
        if self._streams is not None:
            self._streams.close()
        if self._readers is not None:
            self._readers.close()


async def _refuse(call: Call) -> Answer:  # noqa: ARG001 - the port's name
    raise JobsUnavailable("batch jobs live in Kafka, and this process has none: set SCORELINE_KAFKA_BOOTSTRAP_SERVERS")
