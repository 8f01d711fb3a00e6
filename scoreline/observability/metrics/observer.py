"""Counts what the flow, the sidecar and the client tell, as the metrics of one service instance."""

import platform
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

from prometheus_client import Counter

from scoreline import __version__
from scoreline.errors import DeliveryError, RecordTooLarge, Refused, TooManyDeadLetters, Unavailable
from scoreline.models.compiled.outcomes import Upgrade
from scoreline.models.live_route import LiveRoute
from scoreline.models.model import ModelVersion, Scores
from scoreline.models.reloading import Look
from scoreline.observability.comparisons import Comparison
from scoreline.observability.events import BatchScored, Outcome, RequestServed
from scoreline.observability.health import HealthReport
from scoreline.observability.metrics import catalogue
from scoreline.observability.metrics.bounded import OTHER, BoundedLabel
from scoreline.observability.metrics.components import ComponentGauges
from scoreline.observability.metrics.drift import DriftMetrics
from scoreline.observability.metrics.exposition import Exposition
from scoreline.observability.metrics.jobs import JobMetrics
from scoreline.observability.metrics.models import SHADOW_PATH, ModelMetrics
from scoreline.observability.metrics.partitions import AssignedLags, Lag, PartitionGauge
from scoreline.observability.metrics.quality import QualityMetrics
from scoreline.observability.metrics.requests import RequestMetrics
from scoreline.observability.metrics.shadows import ShadowGauges
from scoreline.observability.metrics.spans import SpanMetrics
from scoreline.records import NextOffsets, Reason, Record, TopicPartition

MAX_ERROR_NAMES = 64
STAGES = ("poll", "decode", "predict", "encode", "publish", "commit")
ROLLED_BACK_FOR = (Unavailable, Refused, DeliveryError, RecordTooLarge, TooManyDeadLetters)


class Metrics:
    """Observer of batches, requests, rebalances, the client and the loop, with a registry of its own.

    Every method may be called from any thread; none raises and none waits for a scrape to be written.

    Attributes:
        jobs: what is counted of batch jobs.
        spans: what is counted of traces.
        quality: what is counted of labels.
        drift: how versions stand, and what changes of it.
    """

    def __init__(self) -> None:
        self._exposition = show = Exposition()
        self._lock = threading.Lock()
        self._rebalancing = False
        self._compare: Callable[[], Iterable[Comparison]] | None = None

        self._components = ComponentGauges(show)
        self._records = show.counter(catalogue.stream.RECORDS)
        self._dead_letters = show.counter(catalogue.stream.DEAD_LETTERS)
        self._batch_records = show.histogram(catalogue.stream.BATCH_RECORDS).only
        self._stage_seconds = show.histogram(catalogue.stream.STAGE_SECONDS)
        self._end_to_end_seconds = show.histogram(catalogue.stream.END_TO_END_SECONDS).only
        lag_records = PartitionGauge(show.gauge(catalogue.stream.CONSUMER_LAG_RECORDS))
        lag_seconds = PartitionGauge(show.gauge(catalogue.stream.CONSUMER_LAG_SECONDS))
        self._lags = AssignedLags(lag_records, lag_seconds)
        self._assigned_partitions = show.gauge(catalogue.stream.ASSIGNED_PARTITIONS)
        self._rebalances = show.counter(catalogue.stream.REBALANCES)
        commits = show.counter(catalogue.stream.COMMITS)
        self._accepted, self._refused = commits.labels("accepted"), commits.labels("refused")
        transactions = show.counter(catalogue.stream.TRANSACTIONS)
        self._transactions = {outcome: transactions.labels(outcome) for outcome in ("committed", "aborted")}
        self._turns = show.counter(catalogue.stream.LOOP_TURNS)
        self._rolled_back = show.counter(catalogue.stream.ROLLED_BACK)
        self._client_errors = show.counter(catalogue.process.CLIENT_ERRORS)
        self._requests = RequestMetrics(show)
        self._models = ModelMetrics(show)
        self._shadow_dropped = show.counter(catalogue.models.SHADOW_DROPPED)
        self._shadows = ShadowGauges(show)
        self._count_jobs: Callable[[], Mapping[str, int]] | None = None
        self.jobs = JobMetrics(
            show.gauge(catalogue.jobs.JOBS),
            show.counter(catalogue.jobs.JOBS_ENDED),
            show.counter(catalogue.jobs.JOB_ROWS),
            AssignedLags(lag_records, lag_seconds),
            lock=self._lock,
            count_predictions=partial(self._models.count_predictions, "jobs"),
        )
        self.spans = SpanMetrics(show.counter(catalogue.process.TRACE_SPANS))
        self.quality = QualityMetrics(show)
        self.drift = DriftMetrics(show)
        show.gauge(catalogue.process.BUILD_INFO).labels(__version__, platform.python_version()).set(1)

        # A series that is there from the start makes its first increment visible to rate().
        self._by_reason = {reason: self._dead_letters.labels(reason.value) for reason in Reason}
        self._by_outcome: dict[tuple[str, Outcome], Counter] = {}
        self._by_stage = {stage: self._stage_seconds.child(stage) for stage in STAGES}
        self._by_error = {each.__name__: self._rolled_back.labels(each.__name__) for each in ROLLED_BACK_FOR}
        self._error_names = BoundedLabel(MAX_ERROR_NAMES)

    def batch_scored(self, event: BatchScored) -> None:
        """Count a finished batch."""
        self._batch_records.add(len(event.records))
        for (topic, outcome), n in event.outcomes.items():
            (self._by_outcome.get((topic, outcome)) or self._bind_outcome(topic, outcome)).inc(n)
        for reason, n in event.reasons.items():
            self._by_reason[reason].inc(n)
        for version, n in event.predictions.items():
            self._models.count_predictions("stream", version, n)
        for stage, seconds in event.stage_seconds.items():
            (self._by_stage.get(stage) or self._stage_seconds.child(OTHER)).add(seconds)
        self._end_to_end_seconds.add_many(event.end_to_end_seconds)

    def request_served(self, event: RequestServed) -> None:
        """Count an answered request."""
        self._requests.served(event)
        if event.version is not None and event.instances and event.status < 400:
            self._models.count_predictions("http", event.version, event.instances)

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """More partitions are ours."""
        for topic in {partition.topic for partition in partitions}:
            for outcome in Outcome:
                self._bind_outcome(topic, outcome)
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
        """How far the partitions of the stream are behind that this process has; `jobs.read_lags` has the lanes'."""
        with self._lock:
            return self._lags.read()

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
        name = type(error).__name__
        (self._by_error.get(name) or self._rolled_back.labels(name)).inc()

    def watch_in_flight(self, count: Callable[[], float]) -> None:
        """Ask this at every scrape how many requests are being answered."""
        self._requests.watch_in_flight(count)

    def watch_health(self, report: Callable[[], HealthReport]) -> None:
        """Ask this at every scrape how the components are; it has to answer at once."""
        self._components.watch(report)

    def models_loaded(self, live: LiveRoute, seconds: float) -> None:
        """Show versions that have become ready to serve, and count the time that it took."""
        self._models.loaded(live, seconds)

    def looked(self, look: Look) -> None:
        """Count a look at the alias that found something."""
        self._models.looked(look)

    def shadow_scored(self, answered: ModelVersion, shadow: ModelVersion, scores: Scores, shadowed: Scores) -> None:  # noqa: ARG002 - the port's names
        """Count predictions that answer nobody."""
        self._models.count_predictions(SHADOW_PATH, shadow.version, len(shadowed))

    def shadow_dropped(self, rows: int) -> None:
        """Count predictions of shadows that came to nothing."""
        self._shadow_dropped.inc(rows)

    def watch_shadows(self, compare: Callable[[], Iterable[Comparison]]) -> None:
        """Ask this at every scrape how shadows compare."""
        self._compare = compare

    def upgraded(self, upgrade: Upgrade) -> None:
        """Count an attempt to compile a version."""
        self._models.upgraded(upgrade)

    def watch_jobs(self, count: Callable[[], Mapping[str, int]]) -> None:
        """Ask this at every scrape how many batch jobs there are in each status; empty where that is not known."""
        self._count_jobs = count

    def watch_models(self, resident: Callable[[], Iterable[ModelVersion]]) -> None:
        """Ask this at every scrape which versions are loaded; what is not among them is shown no more."""
        self._models.watch(resident)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The exposition and its content type: OpenMetrics where the Accept header prefers it, else text."""
        self._models.show()
        with self._lock:
            self._components.show()
        if self._compare is not None:
            comparisons = self._compare()
            with self._lock:
                self._shadows.show(comparisons)
        self.quality.show()
        if self._count_jobs is not None:
            self.jobs.show(self._count_jobs())
        self.drift.show()
        return self._exposition.render(accept)

    def _bind_outcome(self, topic: str, outcome: Outcome) -> Counter:
        child = self._by_outcome[topic, outcome] = self._records.labels(topic, outcome.value)
        return child
