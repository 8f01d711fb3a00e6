"""A chunk: some consecutive rows of a job, which are scored, and answered for, together."""

from dataclasses import dataclass

MOST_ROWS = 2048
"""A chunk takes a worker some 25 milliseconds with 200 trees: so long a small job may have to wait for a huge one."""

MOST_BYTES = 1024 * 1024
"""But a single longer line still is a chunk, up to what a line may have."""

MOST_CHUNKS = 1 << 18
"""Of a job: half a billion rows, or 256 GiB of them. No number beyond is taken for one of a chunk."""

FIRST_CHUNKS = 8
"""So many chunks of every job go to the jobs topic, which workers drain before they take the next bulk chunk."""


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What all chunks of an upload share.

    Attributes:
        job_id: a UUID; under an idempotency key made from the caller and the key.
        submission: a UUID of this upload; equal to `job_id` where no idempotency key was given.
        model, version: that score the rows.
        also_known: fields that are skipped although they are no features of the version.
        events_partition: of the events topic; all events of the job lie there.
    """

    job_id: str
    submission: str
    model: str
    version: int
    ignore_unknown: bool
    also_known: tuple[str, ...]
    events_partition: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of a job as they were sent.

    Attributes:
        number: within the job, from 0.
        first_row: number of its first row within the job, from 0.
        rows: how many it has, at least 1.
        lines: one JSON value a line without empty lines between, each line but the last ended by LF.
    """

    order: JobOrder
    number: int
    first_row: int
    rows: int
    lines: bytes
