"""What the stream and the sidecar have done since the start: the running totals behind /stats and the summary."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from scoreline.observability.events import BatchScored, Outcome, RequestServed
from scoreline.observability.metrics.bounded import BoundedLabel
from scoreline.observability.quantiles import QuantileSketch
from scoreline.records import Reason

FIRST_ERROR_STATUS = 400
FIRST_FAILURE_STATUS = 500
MAX_ROUTES = 64
MAX_VERSIONS = 1000
MAX_ERROR_NAMES = 64


@dataclass
class StreamTally:
    """Totals of the stream role; not safe between threads."""

    batches: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    reasons: Counter[Reason] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    stages: dict[str, QuantileSketch] = field(default_factory=lambda: defaultdict(QuantileSketch))
    end_to_end: QuantileSketch = field(default_factory=QuantileSketch)
    rolled_back: Counter[str] = field(default_factory=Counter)
    commits: Counter[str] = field(default_factory=Counter)
    client_errors: Counter[str] = field(default_factory=Counter)
    _version_names: BoundedLabel = field(default_factory=lambda: BoundedLabel(MAX_VERSIONS))
    _error_names: BoundedLabel = field(default_factory=lambda: BoundedLabel(MAX_ERROR_NAMES))

    def add_batch(self, event: BatchScored) -> None:
        """Count a finished batch."""
        self.batches += 1
        for (_, outcome), n in event.outcomes.items():
            self.outcomes[outcome] += n
        self.reasons.update(event.reasons)
        for version, n in event.predictions.items():
            self.versions[self._version_names.bound(str(version))] += n
        for stage, seconds in event.stage_seconds.items():
            self.stages[stage].add(seconds)
        self.end_to_end.add_many(event.end_to_end_seconds)

    def add_client_error(self, name: str) -> None:
        """Count a situation that the client reports."""
        self.client_errors[self._error_names.bound(name)] += 1


@dataclass
class RouteTally:
    """Totals of one route."""

    seconds: QuantileSketch = field(default_factory=QuantileSketch)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def errors(self) -> int:
        """Requests that were answered with a 4xx or a 5xx."""
        return self._count_from(FIRST_ERROR_STATUS)

    @property
    def failures(self) -> int:
        """Requests that were answered with a 5xx."""
        return self._count_from(FIRST_FAILURE_STATUS)

    def _count_from(self, first_status: int) -> int:
        return sum(n for status, n in self.statuses.items() if status >= first_status)


@dataclass
class JobsTally:
    """Totals of the jobs role; not safe between threads."""

    chunks: int = 0
    rows: int = 0
    rows_failed: int = 0
    errors: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    seconds: QuantileSketch = field(default_factory=QuantileSketch)
    _version_names: BoundedLabel = field(default_factory=lambda: BoundedLabel(MAX_VERSIONS))

    def add_chunk(self, version: int, *, rows: int, failed: int, seconds: float) -> None:
        """Count a finished chunk."""
        self.chunks += 1
        self.rows += rows
        self.rows_failed += failed
        self.versions[self._version_names.bound(str(version))] += rows - failed
        self.seconds.add(seconds)


@dataclass
class HttpTally:
    """Totals of the http role; not safe between threads."""

    routes: dict[str, RouteTally] = field(default_factory=lambda: defaultdict(RouteTally))
    versions: Counter[str] = field(default_factory=Counter)
    _route_names: BoundedLabel = field(default_factory=lambda: BoundedLabel(MAX_ROUTES))
    _version_names: BoundedLabel = field(default_factory=lambda: BoundedLabel(MAX_VERSIONS))

    def add_request(self, event: RequestServed) -> None:
        """Count an answered request, and its instances as predictions when it has any."""
        route = self.routes[self._route_names.bound(event.route)]
        route.seconds.add(event.seconds)
        route.statuses[event.status] += 1
        if event.version is not None and event.instances and event.status < FIRST_ERROR_STATUS:
            self.versions[self._version_names.bound(str(event.version))] += event.instances
