"""What the routes of batch jobs answer, as types that write and document it."""

from datetime import UTC, datetime

import msgspec

from scoreline.jobs.job import JobSnapshot, JobStatus


class RowProblem(msgspec.Struct, kw_only=True, gc=False):
    """Something wrong with one row of a job; a row may have several. Instances count from 0 over the whole job."""

    instance: int
    feature: str | msgspec.UnsetType = msgspec.UNSET
    detail: str


class Job(msgspec.Struct, kw_only=True):
    """A batch job as it stands; times in UTC. Of a few rows it has its results with it, else says where they are."""

    job_id: str
    status: JobStatus
    model: str
    version: int
    rows: int
    rows_done: int
    rows_failed: int
    chunks: int
    chunks_done: int
    submitted_at: str
    finished_at: str | None
    detail: str | None
    predictions: list[float | None] | msgspec.UnsetType = msgspec.UNSET
    labels: list[str | None] | msgspec.UnsetType = msgspec.UNSET
    scores: list[list[float] | None] | msgspec.UnsetType = msgspec.UNSET
    errors: list[RowProblem] | msgspec.UnsetType = msgspec.UNSET
    results: str | msgspec.UnsetType = msgspec.UNSET


class Jobs(msgspec.Struct):
    """The latest jobs, newest first, without their results."""

    jobs: list[Job]


class ResultsPage(msgspec.Struct, kw_only=True):
    """Some consecutive rows of a job's results; `rows` counts those of the whole job, `next` leads to the next page."""

    job_id: str
    offset: int
    rows: int
    predictions: list[float | None]
    labels: list[str | None] | msgspec.UnsetType = msgspec.UNSET
    scores: list[list[float] | None] | msgspec.UnsetType = msgspec.UNSET
    errors: list[RowProblem]
    next: str | None


class LineProblem(msgspec.Struct, kw_only=True, gc=False):
    """Something wrong with the row of a line."""

    feature: str | msgspec.UnsetType = msgspec.UNSET
    detail: str


class ResultLine(msgspec.Struct, kw_only=True, gc=False):
    """A line of a job's results: a prediction, or what is wrong with the row."""

    instance: int
    prediction: float | msgspec.UnsetType = msgspec.UNSET
    label: str | msgspec.UnsetType = msgspec.UNSET
    scores: list[float] | msgspec.UnsetType = msgspec.UNSET
    errors: list[LineProblem] | msgspec.UnsetType = msgspec.UNSET


def make_job(snapshot: JobSnapshot) -> Job:
    """The body that tells of a job, without results, but where they are."""
    has_results = snapshot.status is JobStatus.SUCCEEDED
    return Job(
        job_id=snapshot.job_id,
        status=snapshot.status,
        model=snapshot.model,
        version=snapshot.version,
        rows=snapshot.rows,
        rows_done=snapshot.rows_done,
        rows_failed=snapshot.rows_failed,
        chunks=snapshot.chunks,
        chunks_done=snapshot.chunks_done,
        submitted_at=_write_time(snapshot.submitted_at_ms),
        finished_at=None if snapshot.finished_at_ms is None else _write_time(snapshot.finished_at_ms),
        detail=snapshot.detail,
        results=find_results_path(snapshot.job_id) if has_results else msgspec.UNSET,
    )


def find_job_path(job_id: str) -> str:
    """Where a job is."""
    return f"/batch/{job_id}"


def find_results_path(job_id: str) -> str:
    """Where its results are."""
    return f"{find_job_path(job_id)}/results"


def _write_time(at_ms: int) -> str:
    # Through whole seconds: a float of the present has not enough digits to keep every millisecond.
    seconds, ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z"
