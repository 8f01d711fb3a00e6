"""What a job is by its events: folded in the order of their offsets, the same in every process that reads them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from scoreline.jobs.chunk import MOST_CHUNKS
from scoreline.jobs.events import Cancelled, ChunkDone, ChunkFailed, JobEvent, Submitted
from scoreline.jobs.places import ChunkPlaces
from scoreline.jobs.result import ResultPlace


class JobStatus(StrEnum):
    """How far a job has come."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing changes it any more."""
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """A job at one moment.

    Attributes:
        submission: the upload that it consists of: the first one that was submitted under its id.
        digest: SHA-256 of what that upload asked for.
        rows_done: rows whose chunk was scored, those without a prediction among them.
        rows_failed: rows without a prediction.
        finished_at_ms: None while it has not ended.
        detail: why it has failed, else None.
        events_partition: where its submission lies, and with it every other event that counts.
    """

    job_id: str
    submission: str
    digest: bytes
    status: JobStatus
    model: str
    version: int
    rows: int
    rows_done: int
    rows_failed: int
    chunks: int
    chunks_done: int
    submitted_at_ms: int
    finished_at_ms: int | None
    detail: str | None
    events_partition: int


def begin_job(submitted: Submitted, events_partition: int) -> JobSnapshot:
    """A job as it is when it has only just been submitted.

    Args:
        events_partition: that the submission went to.
    """
    return JobSnapshot(
        job_id=submitted.job_id,
        submission=submitted.submission,
        digest=submitted.digest,
        status=JobStatus.QUEUED,
        model=submitted.model,
        version=submitted.version,
        rows=submitted.rows,
        rows_done=0,
        rows_failed=0,
        chunks=submitted.chunks,
        chunks_done=0,
        submitted_at_ms=submitted.at_ms,
        finished_at_ms=None,
        detail=None,
        events_partition=events_partition,
    )


class Upload:
    """What has happened to one upload, whether it was submitted yet or not.

    Chunks are scored while others are still on their way, so their events may come before the submission, and so may
    the event that ends the job.
    """

    __slots__ = ("chunks_at_end", "end", "places", "scored_at_ms")

    def __init__(self) -> None:
        self.places = ChunkPlaces()
        self.scored_at_ms = 0
        self.end: Cancelled | ChunkFailed | None = None
        self.chunks_at_end = 0

    def apply(self, event: Cancelled | ChunkDone | ChunkFailed) -> None:
        """Take note; of what ends a job only the first counts."""
        if isinstance(event, ChunkDone):
            self.places.add(event.place)
            self.scored_at_ms = max(self.scored_at_ms, event.at_ms)
        elif self.end is None:
            self.end = event
            self.chunks_at_end = len(self.places)


class JobFold:
    """One job. Events of several uploads may bear its id; once one of them is submitted, the others do not matter."""

    __slots__ = ("_events_partition", "_finished_at_ms", "_status", "_submitted", "_upload", "_uploads")

    def __init__(self) -> None:
        self._uploads: dict[str, Upload] = {}
        self._submitted: Submitted | None = None
        self._events_partition = 0
        self._upload = Upload()
        self._status = JobStatus.QUEUED
        self._finished_at_ms: int | None = None

    @property
    def submitted(self) -> Submitted | None:
        """The submission that counts; None as long as there is no job."""
        return self._submitted

    @property
    def status(self) -> JobStatus:
        """Its status; `queued` also where there is no job yet."""
        return self._status

    @property
    def unsubmitted(self) -> Mapping[str, Upload]:
        """Uploads of which one may become the job; none any more once there is one."""
        return self._uploads

    def apply(self, event: JobEvent, partition: int) -> None:
        """Take the next event of this job, in the order of their offsets. Never raises for what an event holds.

        Args:
            partition: of the events topic, that the event was read from.
        """
        if isinstance(event, Submitted):
            if self._submitted is None and _is_possible(event):
                self._events_partition = partition
                self._submit(event)
        elif self._submitted is None:
            self._uploads.setdefault(event.submission, Upload()).apply(event)
        elif event.submission == self._submitted.submission:
            self._go_on(event, self._submitted)

    def forget(self, submission: str) -> None:
        """Forget an upload that was never submitted."""
        self._uploads.pop(submission, None)

    def is_unwanted(self, submission: str) -> bool:
        """Whether chunks of an upload need not be scored any more."""
        if self._submitted is None:
            upload = self._uploads.get(submission)
            return upload is not None and upload.end is not None
        if submission != self._submitted.submission:
            return True
        return self._status in (JobStatus.CANCELLED, JobStatus.FAILED)

    def locate(self, first_row: int, rows: int) -> Iterator[ResultPlace]:
        """Places of the chunks done so far that hold any of these rows, ascending; see `ChunkPlaces.locate`."""
        return self._upload.places.locate(first_row, rows)

    def forget_places(self) -> None:
        """Keep only how much was done, where the job has ended: nobody asks for its results here."""
        if self._status.ended:
            self._upload.places.forget_places()

    def snapshot(self) -> JobSnapshot | None:
        """The job as it is now; None as long as nothing was submitted."""
        submitted = self._submitted
        if submitted is None:
            return None
        rows_done, rows_failed = self._upload.places.count_rows()
        end = self._upload.end
        failed = self._status is JobStatus.FAILED
        return replace(
            begin_job(submitted, self._events_partition),
            status=self._status,
            rows_done=rows_done,
            rows_failed=rows_failed,
            chunks_done=len(self._upload.places),
            finished_at_ms=self._finished_at_ms,
            detail=end.detail if failed and isinstance(end, ChunkFailed) else None,
        )

    def _submit(self, submitted: Submitted) -> None:
        upload = self._uploads.get(submitted.submission) or Upload()
        upload.places.keep_within(chunks=submitted.chunks, rows=submitted.rows)
        self._submitted, self._upload, self._uploads = submitted, upload, {}
        # A repeated submission that compaction has moved behind the end must not change how it all ended.
        complete = len(upload.places) == submitted.chunks
        if upload.end is not None and not (complete and upload.chunks_at_end >= submitted.chunks):
            self._end(upload.end, submitted)
        else:
            self._count(submitted)

    def _go_on(self, event: Cancelled | ChunkDone | ChunkFailed, submitted: Submitted) -> None:
        if isinstance(event, ChunkDone):
            place = event.place
            if place.number < submitted.chunks and place.first_row + place.rows <= submitted.rows:
                self._upload.apply(event)
            if not self._status.ended:
                self._count(submitted)
        elif not self._status.ended:
            self._upload.apply(event)
            self._end(event, submitted)

    def _count(self, submitted: Submitted) -> None:
        """How far it is by the chunks that are there."""
        done = len(self._upload.places)
        if done == submitted.chunks:
            self._status = JobStatus.SUCCEEDED
            self._finished_at_ms = max(submitted.at_ms, self._upload.scored_at_ms)
        elif done:
            self._status = JobStatus.RUNNING

    def _end(self, event: Cancelled | ChunkFailed, submitted: Submitted) -> None:
        self._status = JobStatus.CANCELLED if isinstance(event, Cancelled) else JobStatus.FAILED
        self._finished_at_ms = max(submitted.at_ms, event.at_ms)


def _is_possible(submitted: Submitted) -> bool:
    return 0 < submitted.chunks <= MOST_CHUNKS and submitted.chunks <= submitted.rows
