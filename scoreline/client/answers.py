"""What a sidecar answers, as immutable values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from scoreline.client.errors import RowError


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature adds to a row's prediction, in raw-score units."""

    feature: str
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What made a prediction: its base, and the features that were asked for, the weightiest first."""

    base: float
    features: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class Predictions:
    """The answer to `predict`; everything that is there once a row is in the order of the rows.

    Attributes:
        predictions: what `Booster.predict` returns; multi-class: the lowest index of the largest score.
        model, version: what has made them.
        latency_ms: that the sidecar took.
        labels, scores: of a multi-class model, else None; scores are in the order of the classes.
        explanations: where they were asked for, else None.
        request_id: under which the service's log knows the request; None where nothing on the way passed it on.
    """

    predictions: tuple[float, ...]
    model: str
    version: int
    latency_ms: float
    labels: tuple[str, ...] | None = None
    scores: tuple[tuple[float, ...], ...] | None = None
    explanations: tuple[Explanation, ...] | None = None
    request_id: str | None = None


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_ENDED = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Job:
    """A batch job as it was when it was asked for.

    Attributes:
        model, version: what scores it; the version was resolved when it was submitted.
        rows, rows_done, rows_failed: how many it has, how many of them are through, and how many cannot be scored.
        chunks, chunks_done: the pieces that workers take.
        submitted_at, finished_at: UTC; `finished_at` is None until it has ended.
        detail: why it failed; else None.
        predictions, labels, scores: of a small job that has succeeded, in the order of its rows, None where a row
            cannot be scored; else None: then `Client.results` reads them.
        errors: rows that cannot be scored, of a small job that has succeeded.
    """

    job_id: str
    status: JobStatus
    model: str
    version: int
    rows: int
    rows_done: int
    rows_failed: int
    chunks: int
    chunks_done: int
    submitted_at: datetime
    finished_at: datetime | None = None
    detail: str | None = None
    predictions: tuple[float | None, ...] | None = None
    labels: tuple[str | None, ...] | None = None
    scores: tuple[tuple[float, ...] | None, ...] | None = None
    errors: tuple[RowError, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.status in _ENDED


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row of a job.

    Attributes:
        instance: position of the row in the job, from 0.
        prediction: None where the row cannot be scored; `errors` then tells why.
        label, scores: of a multi-class model, else None.
    """

    instance: int
    prediction: float | None
    label: str | None = None
    scores: tuple[float, ...] | None = None
    errors: tuple[RowError, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """How a sidecar's process is.

    Attributes:
        ready: whether all of its components can do their work.
        status: the sidecar's word for it.
        components: as they come, each with its name, its state and the reason.
    """

    ready: bool
    status: str
    components: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Models:
    """The served model.

    Attributes:
        model: its name.
        versions: numbers of those that are there, as the sidecar lists them.
        aliases: what each stands for, as the sidecar tells it.
        told: the whole answer.
    """

    model: str
    versions: tuple[int, ...]
    aliases: Mapping[str, Any]
    told: Mapping[str, Any]
