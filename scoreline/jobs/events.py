"""What happens to jobs: the events that every sidecar folds into their status."""

import re
import uuid
from dataclasses import dataclass
from typing import NamedTuple

from scoreline.jobs.identity import UUID_PATTERN
from scoreline.jobs.result import ResultPlace

EVENTS_PARTITION_HEADER = "scoreline-job-events-partition"
"""Of a chunk's record, so that also one whose value cannot be read fails its job: decimal digits."""

_CHUNK_KEY = re.compile(f"({UUID_PATTERN})(?:@({UUID_PATTERN}))?/([0-9]{{1,9}})".encode())


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
    """The Kafka key that an event is written under once: compaction never takes a word back, nor moves one.

    `<job>` for a submission, `<job>/<chunk>/done/<partition>-<offset>` with the place of the result, and a name that
    nothing else has in `<job>/cancel/<name>` and `<job>/<chunk>/failed/<name>`: which of several came first, and what
    had been done by then, decides how a job has ended. Where the job id was made from an idempotency key, two uploads
    may race for it; then the name of the upload is part of it: `<job>@<submission>`, `<job>@<submission>/…`.
    """
    upload = _name_upload(event.job_id, event.submission)
    if isinstance(event, Submitted):
        return upload
    if isinstance(event, Cancelled):
        return f"{upload}/cancel/{uuid.uuid4()}"
    if isinstance(event, ChunkFailed):
        return f"{upload}/{event.number}/failed/{uuid.uuid4()}"
    return f"{upload}/{event.place.number}/done/{event.place.partition}-{event.place.offset}"


class ChunkName(NamedTuple):
    """Which chunk of which upload."""

    job_id: str
    submission: str
    number: int


def find_chunk_key(job_id: str, submission: str, number: int) -> str:
    """The Kafka key of a chunk's record."""
    return f"{_name_upload(job_id, submission)}/{number}"


def parse_chunk_key(key: bytes | None) -> ChunkName | None:
    """What a chunk's key says, None for one that no chunk has."""
    found = None if key is None else _CHUNK_KEY.fullmatch(key)
    if found is None:
        return None
    job_id = found[1].decode()
    return ChunkName(job_id, job_id if found[2] is None else found[2].decode(), int(found[3]))


def _name_upload(job_id: str, submission: str) -> str:
    return job_id if submission == job_id else f"{job_id}@{submission}"
