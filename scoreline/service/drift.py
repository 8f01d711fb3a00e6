"""Drift detection of one process: what watches rows, the thread that judges them, and where changes are told."""

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from scoreline.config.librdkafka import producer_properties
from scoreline.config.settings import Settings
from scoreline.kafka.publishing.drift_publisher import DriftEventPublisher, Encode
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.learning import BaselineLearner
from scoreline.models.baseline.loading import load_baseline
from scoreline.models.cache import ModelCache
from scoreline.models.live import LiveVersions
from scoreline.models.model import ModelVersion
from scoreline.models.store import ModelStore
from scoreline.observability.client_log import ClientLog
from scoreline.observability.drift.errands import Errands
from scoreline.observability.drift.judge import DriftJudge
from scoreline.observability.drift.judging import Judging
from scoreline.observability.drift.log import DriftLog
from scoreline.observability.drift.monitor import DriftMonitor
from scoreline.observability.drift.ports import DriftListener, LoadBaseline, MakeJudge, MakeLearner
from scoreline.observability.drift.report import DriftReader
from scoreline.observability.drift.thread import REST_SECONDS, DriftThread
from scoreline.observability.drift.windows import WindowLimits
from scoreline.observability.drift.wire import DriftEventEncoder
from scoreline.observability.health import ComponentHealth
from scoreline.observability.metrics import Metrics
from scoreline.observability.tee import ClientTee
from scoreline.schemas.configured import open_catalog
from scoreline.schemas.framing import Framing


class DriftDetection:
    """Made once, before any role starts; `start` begins to judge, and counting begins with the first row.

    Args:
        publisher: of changes, where there is a Kafka for them.

    Attributes:
        monitor: the observer of whatever is scored.
        reader: makes what `/drift` answers.
    """

    def __init__(
        self,
        settings: Settings,
        versions: LiveVersions,
        metrics: Metrics,
        publisher: DriftEventPublisher | None,
        *,
        load_baseline: LoadBaseline,
        make_judge: MakeJudge,
        make_learner: MakeLearner,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self._publisher = publisher
        listeners: list[DriftListener] = [DriftLog(), metrics.drift]
        if publisher is not None:
            listeners.append(publisher)
        woken = threading.Event()
        limits = WindowLimits(settings.drift_window_records, settings.drift_window_seconds)
        self.monitor = DriftMonitor(
            Judging(limits, load_baseline, make_judge, make_learner, time.monotonic, Errands(woken.set).start),
            live=versions.live.versions,
            resident=versions.resident,
            listeners=listeners,
            wall_clock=time.time,
            wake=woken.set,
        )
        self._thread = DriftThread(self.monitor.turn, self.monitor.describe, woken, rest_seconds=rest_seconds)
        self.reader = DriftReader(versions.name, self.monitor.read)
        metrics.drift.watch(self.monitor.read, lambda: self.monitor.dropped)

    def start(self) -> None:
        """Begin to judge, and to publish what has changed."""
        if self._publisher is not None:
            self._publisher.start()
        self._thread.start()

    def close(self, within_seconds: float) -> None:
        """End both threads; one that judges is not waited for longer than events have left to get out."""
        until = time.monotonic() + within_seconds
        self._thread.close(within_seconds / 2)
        if self._publisher is not None:
            self._publisher.close(max(0.0, until - time.monotonic()))

    def check(self) -> ComponentHealth:
        """The component `drift`; it fails where one of the two threads has ended."""
        health = self._thread.check()
        trouble = None if self._publisher is None else self._publisher.trouble
        if trouble is None or not health.alive:
            return health
        return replace(health, ready=False, alive=False, detail=trouble)


def open_drift(
    settings: Settings,
    versions: LiveVersions,
    store: ModelStore,
    cache: ModelCache,
    metrics: Metrics,
    client_log: ClientLog,
) -> DriftDetection:
    """Drift detection with the baselines of a store."""

    def load(version: ModelVersion) -> Baseline | None:
        return load_baseline(store, store.manifest(version.name, version.version), cache)

    def make_judge(baseline: Baseline) -> DriftJudge:
        return DriftJudge(
            baseline,
            window_records=settings.drift_window_records,
            relative_threshold=settings.drift_relative_threshold,
            false_alarm_windows=settings.drift_false_alarm_windows,
        )

    def make_learner(version: ModelVersion) -> BaselineLearner:
        return BaselineLearner(version.model.features, version.model.classes)

    publisher = _open_publisher(settings, metrics, client_log)
    return DriftDetection(
        settings, versions, metrics, publisher, load_baseline=load, make_judge=make_judge, make_learner=make_learner
    )


def _open_publisher(settings: Settings, metrics: Metrics, client_log: ClientLog) -> DriftEventPublisher | None:
    """Where there is a Kafka for events."""
    if settings.kafka_bootstrap_servers is None:
        return None
    return DriftEventPublisher(
        producer_properties(settings),
        settings.drift_events_topic,
        open_encoder=_make_opener(settings),
        dropped=metrics.drift.event_dropped,
        observer=ClientTee(metrics, client_log),
    )


def _make_opener(settings: Settings) -> Callable[[], Encode]:
    def open_encoder() -> Encode:
        catalog = open_catalog(settings)
        member = settings.member_id or socket.gethostname()
        framing = Framing(settings.input_format)
        return DriftEventEncoder(catalog, framing, settings.drift_events_topic, member=member).encode

    return open_encoder
