"""Counts what the flow, the sidecar and the client tell, as the metrics of one service instance."""

import platform
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

from prometheus_client import Counter

from scoreline import __version__
from scoreline.models.compiled.outcomes import Upgrade, UpgradeOutcome
from scoreline.models.live_route import LiveRoute
from scoreline.models.model import ModelVersion, Scores
from scoreline.models.reloading import Look, ReloadOutcome
from scoreline.observability.comparisons import Comparison
from scoreline.observability.events import BatchScored, Outcome, RequestServed
from scoreline.observability.metrics import catalogue
from scoreline.observability.metrics.bounded import OTHER, BoundedLabel, RecentChildren
from scoreline.observability.metrics.exposition import Exposition
from scoreline.observability.metrics.histogram import Histogram
from scoreline.observability.metrics.jobs import JobMetrics
from scoreline.observability.metrics.partitions import AssignedLags, Lag, PartitionGauge
from scoreline.observability.metrics.shadows import ShadowGauges
from scoreline.records import NextOffsets, Reason, Record, TopicPartition

UNCHANGED = ReloadOutcome.UNCHANGED
MAX_VERSIONS = 32
MAX_ROUTES = 64
MAX_ERROR_NAMES = 64
STAGES = ("poll", "decode", "predict", "encode", "publish", "commit")


class Metrics:
    """Observer of batches, requests, rebalances, the client and the loop, with a registry of its own.

    Every method may be called from any thread; none raises and none waits for a scrape to be written.

    Attributes:
        jobs: what is counted of batch jobs.
    """

    def __init__(self) -> None:
        self._exposition = show = Exposition()
        self._lock = threading.Lock()
        self._rebalancing = False
        self._resident: Callable[[], Iterable[ModelVersion]] | None = None
        self._compare: Callable[[], Iterable[Comparison]] | None = None
        self._shown_models: set[tuple[str, str, str, str]] = set()

        self._records = show.counter(catalogue.RECORDS)
        self._dead_letters = show.counter(catalogue.DEAD_LETTERS)
        self._predictions = show.counter(catalogue.PREDICTIONS)
        self._batch_records = show.histogram(catalogue.BATCH_RECORDS).only
        self._stage_seconds = show.histogram(catalogue.STAGE_SECONDS)
        self._end_to_end_seconds = show.histogram(catalogue.END_TO_END_SECONDS).only
        lag_records = PartitionGauge(show.gauge(catalogue.CONSUMER_LAG_RECORDS))
        lag_seconds = PartitionGauge(show.gauge(catalogue.CONSUMER_LAG_SECONDS))
        self._lags = AssignedLags(lag_records, lag_seconds)
        self._assigned_partitions = show.gauge(catalogue.ASSIGNED_PARTITIONS)
        self._rebalances = show.counter(catalogue.REBALANCES)
        commits = show.counter(catalogue.COMMITS)
        self._accepted, self._refused = commits.labels("accepted"), commits.labels("refused")
        transactions = show.counter(catalogue.TRANSACTIONS)
        self._transactions = {outcome: transactions.labels(outcome) for outcome in ("committed", "aborted")}
        self._turns = show.counter(catalogue.LOOP_TURNS)
        self._rolled_back = show.counter(catalogue.ROLLED_BACK)
        self._client_errors = show.counter(catalogue.CLIENT_ERRORS)
        self._requests = show.counter(catalogue.HTTP_REQUESTS)
        self._request_seconds = show.histogram(catalogue.HTTP_REQUEST_SECONDS)
        self._in_flight = show.gauge(catalogue.HTTP_IN_FLIGHT)
        self._models = show.gauge(catalogue.MODEL_INFO)
        reloads = show.counter(catalogue.MODEL_RELOADS)
        self._reloads = {each: reloads.labels(each.value) for each in ReloadOutcome if each is not UNCHANGED}
        self._load_seconds = show.histogram(catalogue.MODEL_LOAD_SECONDS).only
        self._shadow_dropped = show.counter(catalogue.SHADOW_DROPPED)
        self._shadows = ShadowGauges(show)
        compilations = show.counter(catalogue.MODEL_COMPILATIONS)
        self._compilations = {each: compilations.labels(each.value) for each in UpgradeOutcome}
        self._count_jobs: Callable[[], Mapping[str, int]] | None = None
        self.jobs = JobMetrics(
            show.gauge(catalogue.JOBS),
            show.counter(catalogue.JOB_ROWS),
            AssignedLags(lag_records, lag_seconds),
            lock=self._lock,
            count_predictions=partial(self._count_predictions, "jobs"),
        )
        show.gauge(catalogue.BUILD_INFO).labels(__version__, platform.python_version()).set(1)

        # A series that is there from the start makes its first increment visible to rate().
        self._by_reason = {reason: self._dead_letters.labels(reason.value) for reason in Reason}
        self._by_outcome: dict[tuple[str, Outcome], Counter] = {}
        self._by_stage = {stage: self._stage_seconds.child(stage) for stage in STAGES}
        self._by_request: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._by_version = {path: self._recent_versions(path) for path in ("stream", "http", "jobs", "shadow")}
        self._routes = BoundedLabel(MAX_ROUTES)
        self._error_names = BoundedLabel(MAX_ERROR_NAMES)

    def batch_scored(self, event: BatchScored) -> None:
        """Count a finished batch."""
        self._batch_records.add(len(event.records))
        for (topic, outcome), n in event.outcomes.items():
            child = self._by_outcome.get((topic, outcome))
            if child is None:
                child = self._by_outcome[topic, outcome] = self._records.labels(topic, outcome.value)
            child.inc(n)
        for reason, n in event.reasons.items():
            self._by_reason[reason].inc(n)
        for version, n in event.predictions.items():
            self._count_predictions("stream", version, n)
        for stage, seconds in event.stage_seconds.items():
            (self._by_stage.get(stage) or self._stage_seconds.child(OTHER)).add(seconds)
        self._end_to_end_seconds.add_many(event.end_to_end_seconds)

    def request_served(self, event: RequestServed) -> None:
        """Count an answered request."""
        bound = self._by_request.get((event.route, event.status)) or self._bind_request(event.route, event.status)
        bound[0].inc()
        bound[1].add(event.seconds)
        if event.version is not None and event.instances and event.status < 400:
            self._count_predictions("http", event.version, event.instances)

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """More partitions are ours."""
        with self._lock:
            self._lags.add(partitions)
            self._assigned_partitions.set(len(self._lags))
            if not self._rebalancing:
                self._rebalances.inc()
            self._rebalancing = False

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions go to another member, and what only they have goes from the exposition."""
        with self._lock:
            self._lags.remove(partitions)
            self._assigned_partitions.set(len(self._lags))
            if not self._rebalancing:
                self._rebalances.inc()
            self._rebalancing = True

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions have gone."""
        self.revoked(partitions)

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        """Readiness tells."""

    def set_lag(self, partition: TopicPartition, records: int, seconds: float | None) -> None:
        """Say how far an assigned partition is behind; of any other partition nothing is shown."""
        with self._lock:
            self._lags.show(partition, records, seconds)

    def read_lags(self) -> Mapping[TopicPartition, Lag]:
        """How far the partitions are behind that this process has, those of the lanes of jobs among them."""
        with self._lock:
            return {**self._lags.read(), **self.jobs.lags.read()}

    def transaction_ended(self, outcome: str) -> None:
        """Count a transaction."""
        self._transactions[outcome].inc()

    def commit_answered(self, next_offsets: NextOffsets, error: str | None) -> None:  # noqa: ARG002 - the port's name
        """Count an answered commit."""
        (self._accepted if error is None else self._refused).inc()

    def client_error(self, name: str, detail: str) -> None:  # noqa: ARG002 - the port's name
        """Count what the client reports."""
        with self._lock:
            self._client_errors.labels(self._error_names.bound(name)).inc()

    def turned(self) -> None:
        """Count a turn of the loop."""
        self._turns.inc()

    def batch_rolled_back(self, records: Sequence[Record], error: Exception, retry_seconds: float) -> None:  # noqa: ARG002 - the port's names
        """Count a batch that will be read again."""
        self._rolled_back.labels(type(error).__name__).inc()

    def watch_in_flight(self, count: Callable[[], float]) -> None:
        """Ask this at every scrape how many requests are being answered."""
        self._in_flight.set_function(count)

    def models_loaded(self, live: LiveRoute, seconds: float) -> None:
        """Show versions that have become ready to serve, and count the time that it took."""
        self._load_seconds.add(seconds)
        with self._lock:
            for version in live.loaded:
                self._show_model(version)

    def looked(self, look: Look) -> None:
        """Count a look at the alias that found something."""
        if look.outcome in self._reloads:
            self._reloads[look.outcome].inc()
        if look.outcome is ReloadOutcome.RELOADED:
            self.models_loaded(look.live, look.load_seconds)

    def shadow_scored(self, answered: ModelVersion, shadow: ModelVersion, scores: Scores, shadowed: Scores) -> None:  # noqa: ARG002 - the port's names
        """Count predictions that answer nobody."""
        self._count_predictions("shadow", shadow.version, len(shadowed))

    def shadow_dropped(self, rows: int) -> None:
        """Count predictions of shadows that came to nothing."""
        self._shadow_dropped.inc(rows)

    def watch_shadows(self, compare: Callable[[], Iterable[Comparison]]) -> None:
        """Ask this at every scrape how shadows compare."""
        self._compare = compare

    def upgraded(self, upgrade: Upgrade) -> None:
        """Count an attempt to compile a version."""
        self._compilations[upgrade.outcome].inc()

    def watch_jobs(self, count: Callable[[], Mapping[str, int]]) -> None:
        """Ask this at every scrape how many batch jobs there are in each status."""
        self._count_jobs = count

    def watch_models(self, resident: Callable[[], Iterable[ModelVersion]]) -> None:
        """Ask this at every scrape which versions are loaded; what is not among them is shown no more."""
        self._resident = resident

    def render(self, accept: str) -> tuple[bytes, str]:
        """The exposition and its content type: OpenMetrics where the Accept header prefers it, else text."""
        if self._resident is not None:
            self._show_models(self._resident())
        if self._compare is not None:
            comparisons = self._compare()
            with self._lock:
                self._shadows.show(comparisons)
        if self._count_jobs is not None:
            self.jobs.show(self._count_jobs())
        return self._exposition.render(accept)

    def _show_models(self, resident: Iterable[ModelVersion]) -> None:
        with self._lock:
            gone, self._shown_models = self._shown_models, set()
            for version in resident:
                self._show_model(version)
            for labels in gone - self._shown_models:
                self._models.remove(*labels)

    def _show_model(self, version: ModelVersion) -> None:
        labels = (version.name, str(version.version), version.sha256, version.model.engine)
        self._shown_models.add(labels)
        self._models.labels(*labels).set(1)

    def _count_predictions(self, path: str, version: int, n: int) -> None:
        with self._lock:
            self._by_version[path].find(str(version)).inc(n)

    def _recent_versions(self, path: str) -> RecentChildren[Counter]:
        predictions = self._predictions
        return RecentChildren(
            MAX_VERSIONS, make=partial(predictions.labels, path), forget=partial(predictions.remove, path)
        )

    def _bind_request(self, route: str, status: int) -> tuple[Counter, Histogram]:
        with self._lock:
            label = self._routes.bound(route)
            bound = (
                self._requests.labels(label, status if 100 <= status < 600 else OTHER),
                self._request_seconds.child(label),
            )
            if label == route:
                self._by_request[route, status] = bound
        return bound
