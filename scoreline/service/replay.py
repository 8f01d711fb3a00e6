"""Scores a range of the input again: the stream's loop over a source that ends, outside the live group."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from scoreline.config.librdkafka import admin_properties, consumer_properties
from scoreline.config.settings import Settings
from scoreline.kafka.ranges.boundaries import find_ranges
from scoreline.kafka.ranges.noted_commits import open_noted_commits
from scoreline.kafka.ranges.offset_index import open_offset_index
from scoreline.kafka.ranges.range_source import KafkaRangeSource, open_range_source
from scoreline.models.cache import ModelCache
from scoreline.models.loading import VersionLoader
from scoreline.models.model import ModelVersion
from scoreline.models.pinned import PinnedVersion
from scoreline.models.selectors import find_only_model, find_version
from scoreline.models.store import RememberedStore
from scoreline.observability.events import BatchObserver, BatchScored
from scoreline.observability.store_log import StoreLog
from scoreline.records import Record, TopicPartition
from scoreline.schemas.configured import open_catalog
from scoreline.service.deliveries import open_delivery
from scoreline.service.paths import open_path
from scoreline.service.stopping import Stop
from scoreline.stream.breaker import Breaker
from scoreline.stream.loop import BatchLimits, StreamLoop
from scoreline.stream.replay import ReplayOrder, ReplayPlan, begin_plan, recall_plan
from scoreline.transport.ports import ClientObserver, TransactionObserver


class ReplayObserver(BatchObserver, ClientObserver, TransactionObserver, Protocol):
    """Learns how a replay is doing; may not raise."""

    def ranges_found(self, plan: ReplayPlan, remarks: tuple[str, ...]) -> None:
        """The ranges are known, and remembered; `remarks` is what someone should know of them."""
        ...

    def progressed(self, done: int) -> None:
        """So many offsets of all ranges are behind it."""
        ...

    def waited(self, reason: str) -> None:
        """It waits for something that is away, or for someone."""
        ...


class Replay:
    """One replay of the configured input.

    Args:
        settings: with the replay's own output and dead-letter topic.
        replay_id: names the group, and exactly once the transactional id, under which its state is kept.

    Raises:
        ModelNotFound: no model is configured, and the store does not have exactly one.
        Unavailable, Refused: the store is away or refuses.
    """

    def __init__(self, settings: Settings, replay_id: str, *, stop: Stop, observer: ReplayObserver) -> None:
        self._settings = settings
        self._stop = stop
        self._observer = observer
        self._store = RememberedStore(settings.model_store, settings.cache_dir, observers=(StoreLog(),))
        self.model_name = settings.model or find_only_model(self._store)
        self.group_id = f"{settings.group_for(self.model_name)}-replay-{replay_id}"

    def load_version(self, selector: str) -> ModelVersion:
        """The version that the selector means now.

        Raises:
            ModelNotFound: there is no such version or alias.
            ModelRejected: it may not serve.
            Unavailable, Refused: the store is away or refuses.
        """
        number = find_version(self._store, self.model_name, selector)
        cache = ModelCache(self._settings.cache_dir, observers=(StoreLog(),))
        return VersionLoader(self._store, cache).load(self.model_name, number)

    def recall_plan(self, order: ReplayOrder, partitions: int) -> ReplayPlan | None:
        """What an earlier run under this id has remembered; None where there was none.

        Args:
            partitions: of the input topic.

        Raises:
            ConfigError: the id belongs to another replay.
            DependencyError: the cluster does not answer, or refuses, or has forgotten a part.
        """
        with open_noted_commits(consumer_properties(self._settings), group_id=self.group_id) as commits:
            plan = recall_plan(order, commits.find(self._name_partitions(partitions)))
        if plan is not None:
            self._observer.ranges_found(plan, ())
        return plan

    def begin_plan(self, order: ReplayOrder, partitions: int) -> ReplayPlan:
        """Find the offsets that the order comes to now, and remember them.

        Args:
            partitions: of the input topic.

        Raises:
            StopOverdue: a stop came before the ranges were found.
            DependencyError: the cluster does not answer, or refuses.
        """
        settings = self._settings
        found = find_ranges(
            consumer_properties(settings),
            open_offset_index(admin_properties(settings)),
            self._name_partitions(partitions),
            order.from_ms,
            order.to_ms,
            should_stop=self._stop.is_set,
            patience_seconds=settings.startup_seconds,
        )
        plan = begin_plan(order, found.ranges)
        with open_noted_commits(consumer_properties(settings), group_id=self.group_id) as commits:
            commits.commit(plan.next_offsets, plan.notes())
        self._observer.ranges_found(plan, tuple(found.remarks))
        return plan

    def run(
        self,
        plan: ReplayPlan,
        version: ModelVersion,
        partition_counts: Mapping[str, int],
        *,
        per_second: float | None = None,
    ) -> bool:
        """Score what is left; whether all of it is done now, or a stop came first.

        Args:
            partition_counts: of the topics that are written.
            per_second: records, None for as fast as it goes.

        Raises:
            Refused: records of the range are gone, or a permission is missing.
            StopOverdue: a stop allowed no more waiting; the next run goes on from what was committed.
            FatalClientError: the client cannot go on; exactly once, another replay may have taken the id over.
        """
        path = open_path(
            self._settings,
            PinnedVersion(version),
            open_catalog(self._settings),
            stop=self._stop,
            heartbeat=lambda: None,
            describe=self._observer.waited,
        )
        if path is None:
            return False
        settings = self._settings
        source = self._open_source(plan, per_second)
        try:
            delivery = open_delivery(
                settings,
                source,
                partition_counts,
                transactional_id=self.group_id,
                stop=self._stop,
                client_observer=self._observer,
                observer=self._observer,
                heartbeat=lambda: None,
                notes=plan.notes(),
                remedy="another replay runs under this --id; let it, or stop it first",
            )
            loop = StreamLoop(
                source,
                path,
                delivery,
                stop=StopOrEnd(self._stop, source),
                clock=time.monotonic,
                wall_clock=time.time,
                observers=(LoopReport(plan, source, self._observer),),
                limits=BatchLimits(settings.batch_max_records, settings.batch_max_bytes),
                breaker=Breaker(settings.dead_letter_max_ratio, settings.dead_letter_window),
            )
            try:
                loop.run()
            finally:
                delivery.close()
        finally:
            source.close()
        return source.is_finished

    def _name_partitions(self, count: int) -> list[TopicPartition]:
        return [TopicPartition(self._settings.input_topic, number) for number in range(count)]

    def _open_source(self, plan: ReplayPlan, per_second: float | None) -> KafkaRangeSource:
        return open_range_source(
            consumer_properties(self._settings),
            plan.ranges,
            group_id=self.group_id,
            notes=plan.notes(),
            observer=self._observer,
            per_second=per_second,
            pause=self._stop.wait,
            answer_seconds=self._stop.answer_seconds,
        )


class StopOrEnd:
    """Implements `scoreline.stream.recovery.StopSignal`: the stop, or the end of what there is to read.

    The end comes with a poll that has nothing to hand out, so a batch in hand is never cut off by it.
    """

    def __init__(self, stop: Stop, source: KafkaRangeSource) -> None:
        self._stop = stop
        self._source = source

    def is_set(self) -> bool:
        """Whether the loop is to end."""
        return self._stop.is_set() or self._source.is_finished

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the stop; True when it came."""
        return self._stop.wait(timeout)


class LoopReport:
    """Implements `scoreline.stream.loop.LoopObserver` by telling the replay's observer how far its source is."""

    def __init__(self, plan: ReplayPlan, source: KafkaRangeSource, observer: ReplayObserver) -> None:
        self._total = plan.total
        self._source = source
        self._observer = observer

    def turned(self) -> None:
        """What was handed out by now is finished."""
        if lags := self._source.lags():
            self._observer.progressed(self._total - sum(lags.values()))

    def batch_scored(self, event: BatchScored) -> None:
        """A batch is finished."""
        self._observer.batch_scored(event)

    def batch_rolled_back(self, records: Sequence[Record], error: Exception, retry_seconds: float) -> None:
        """A batch waits."""
        self._observer.waited(f"{len(records)} records wait, and are tried again in {retry_seconds:.1f} s: {error}")
