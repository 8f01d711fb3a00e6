"""What `GET /stats` answers, as types: durations in seconds, null where nothing was measured."""

from typing import TypedDict

from scoreline.observability.labels.report import QualityReport


class Durations(TypedDict):
    """Count, mean and the usual quantiles."""

    count: int
    mean_seconds: float | None
    p50_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None


class VersionCounts(TypedDict):
    """Predictions, all and by version."""

    total: int
    versions: dict[str, int]


class StreamCounts(TypedDict):
    """What the stream role has done; `records` by outcome, `dead_letters` by reason, `rolled_back` by error."""

    records: dict[str, int]
    predictions: VersionCounts
    dead_letters: dict[str, int]
    batches: int
    rolled_back: dict[str, int]
    stages: dict[str, Durations]
    end_to_end: Durations
    commits: dict[str, int]
    client_errors: dict[str, int]


class RouteCounts(Durations):
    """What was answered on one route."""

    errors: int
    statuses: dict[str, int]


class HttpCounts(TypedDict):
    """What the sidecar has answered."""

    requests: int
    errors: int
    predictions: VersionCounts
    routes: dict[str, RouteCounts]


class JobCounts(TypedDict):
    """What workers of batch jobs have done; `rows_failed` have no prediction, `errors` are chunks that failed."""

    rows: int
    rows_failed: int
    predictions: VersionCounts
    chunks: int
    errors: int
    chunk_seconds: Durations


class Snapshot(TypedDict):
    """Everything that was counted since the start of the process; `quality` is null without a topic of labels."""

    uptime_seconds: float
    stream: StreamCounts
    http: HttpCounts
    jobs: JobCounts
    quality: QualityReport | None
