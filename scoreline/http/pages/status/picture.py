"""All that the status page shows at one moment, as values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scoreline.http.model_answers import ListingAnswer
from scoreline.jobs.job import JobSnapshot, JobStatus
from scoreline.jobs.view import JobView
from scoreline.observability.drift.report import DriftReport
from scoreline.observability.health import HealthReport
from scoreline.observability.labels.report import QualityReport
from scoreline.observability.latest_letters import LetterSeen
from scoreline.observability.metrics.partitions import Lag
from scoreline.observability.pace import Pace
from scoreline.observability.snapshot import Snapshot
from scoreline.records import TopicPartition

MOST_JOBS = 10


@dataclass(frozen=True, slots=True)
class JobsSeen:
    """How many batch jobs there are in each status, and those that were submitted last, newest first."""

    counts: Mapping[JobStatus, int]
    latest: Sequence[JobSnapshot]


def see_jobs(view: JobView) -> JobsSeen:
    """What a view of all jobs has for the page."""
    return JobsSeen(view.count_by_status(), view.list_recent(MOST_JOBS))


@dataclass(frozen=True, slots=True)
class StatusPicture:
    """What one rendering shows. What is None is not there in this process, or is kept back.

    Attributes:
        at_ms: milliseconds since the epoch.
        pace: by role.
        lags: of the partitions of the stream.
        lanes: of the partitions of batch jobs' lanes, where a large job waits for as long as it takes.
        withheld: whether more is kept back, because anybody could ask.
    """

    at_ms: int
    health: HealthReport
    pace: Mapping[str, Pace] | None = None
    totals: Snapshot | None = None
    lags: Mapping[TopicPartition, Lag] | None = None
    lanes: Mapping[TopicPartition, Lag] | None = None
    models: ListingAnswer | None = None
    drift: DriftReport | None = None
    quality: QualityReport | None = None
    letters: Sequence[LetterSeen] | None = None
    jobs: JobsSeen | None = None
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class StatusSources:
    """Where the parts of a picture come from; None leaves a part out, and its section says what it would take.

    Each is called on a thread of the page's own, and may wait for no other system, except `list_models`.

    Attributes:
        list_models: may wait for the store; the page shows what it said last.
        withheld: see `StatusPicture`.
    """

    read_pace: Callable[[], Mapping[str, Pace]] | None = None
    read_totals: Callable[[], Snapshot] | None = None
    read_lags: Callable[[], Mapping[TopicPartition, Lag]] | None = None
    read_lanes: Callable[[], Mapping[TopicPartition, Lag]] | None = None
    list_models: Callable[[], ListingAnswer] | None = None
    read_drift: Callable[[], DriftReport] | None = None
    read_quality: Callable[[], QualityReport | None] | None = None
    read_letters: Callable[[], Sequence[LetterSeen]] | None = None
    read_jobs: Callable[[], JobsSeen] | None = None
    withheld: bool = False

    def take_picture(self, at_ms: int, health: HealthReport, models: ListingAnswer | None) -> StatusPicture:
        """Ask all sources but `list_models`."""
        return StatusPicture(
            at_ms,
            health,
            pace=None if self.read_pace is None else self.read_pace(),
            totals=None if self.read_totals is None else self.read_totals(),
            lags=None if self.read_lags is None else self.read_lags(),
            lanes=None if self.read_lanes is None else self.read_lanes(),
            models=models,
            drift=None if self.read_drift is None else self.read_drift(),
            quality=None if self.read_quality is None else self.read_quality(),
            letters=None if self.read_letters is None else self.read_letters(),
            jobs=None if self.read_jobs is None else self.read_jobs(),
            withheld=self.withheld,
        )
