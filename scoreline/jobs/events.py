"""What happens to jobs: the events that every sidecar folds into their status."""

from dataclasses import dataclass

from scoreline.jobs.result import ResultPlace


@dataclass(frozen=True, slots=True)
class Submitted:
    """Every chunk of an upload is acknowledged: from now on there is a job.

    Attributes:
        digest: SHA-256 of what was asked for and of the body, which tells two bodies under one idempotency key apart.
    """

    job_id: str
    submission: str
    at_ms: int
    chunks: int
    rows: int
    model: str
    version: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Someone does not want the job any more; without effect on one that has ended."""

    job_id: str
    submission: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """A chunk was scored; its result was committed together with this event."""

    job_id: str
    submission: str
    at_ms: int
    place: ResultPlace


@dataclass(frozen=True, slots=True)
class ChunkFailed:
    """A chunk cannot be read, and with it its job has failed."""

    job_id: str
    submission: str
    at_ms: int
    number: int
    detail: str


JobEvent = Submitted | Cancelled | ChunkDone | ChunkFailed


def find_key(event: JobEvent) -> str:
    """The Kafka key of an event: no two that differ in meaning share one, so that compaction never takes a word back.

    `<job>` for a submission, `<job>/cancel`, `<job>/<chunk>`. Where the job id was made from an idempotency key, two
    uploads may race for it; then the name of the upload is part of it: `<job>@<submission>`, `<job>@<submission>/…`.
    """
    own = event.job_id if event.submission == event.job_id else f"{event.job_id}@{event.submission}"
    if isinstance(event, Submitted):
        return own
    if isinstance(event, Cancelled):
        return f"{own}/cancel"
    return f"{own}/{event.place.number if isinstance(event, ChunkDone) else event.number}"
