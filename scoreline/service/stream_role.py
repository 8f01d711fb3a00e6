"""The stream role: waits for Kafka, joins the group, and turns the loop until it is told to stop."""

import logging
import time

from scoreline.config.librdkafka import admin_properties, consumer_properties
from scoreline.config.roles import Role
from scoreline.errors import DependencyError, StopOverdue, Unavailable
from scoreline.kafka.cluster.admin import KafkaAdmin, open_admin
from scoreline.kafka.member.refusals import RefusalNotes
from scoreline.kafka.member.source import open_source
from scoreline.kafka.publishing.transactions import choose_transactional_id
from scoreline.observability.health import ComponentHealth
from scoreline.observability.tee import ClientTee
from scoreline.scoring import ScoringPath
from scoreline.service.deliveries import open_delivery
from scoreline.service.garbage import keep_collector_away
from scoreline.service.parts import Parts
from scoreline.service.paths import open_path
from scoreline.service.shadows import open_stream_shadows
from scoreline.service.stopping import Stop
from scoreline.stream.health import StreamHealth
from scoreline.stream.lag import LagObserver
from scoreline.stream.loop import BatchLimits, StreamLoop

logger = logging.getLogger("scoreline.stream")

PROBE_SECONDS = 2.0
"""How long the cluster may take to answer before it counts as away."""

PROBE_STALE_SECONDS = 30.0
"""An older answer is no evidence."""


class StreamRole:
    """Everything between the settings and the running loop; `run` is the body of one thread."""

    def __init__(self, parts: Parts, stop: Stop) -> None:
        self._parts = parts
        self._settings = parts.settings
        self._stop = stop
        self._refusals = RefusalNotes()
        self._observer = ClientTee(parts.metrics, parts.stats, parts.client_log, self._refusals)
        self._group_id = self._settings.group_for(parts.model_name)
        self._read = [self._settings.input_topic, self._settings.redrive_topic]
        self._written = [self._settings.output_topic, self._settings.dead_letter_topic]
        self._health = StreamHealth(time.monotonic)
        self._admin: KafkaAdmin | None = None
        self._kafka_trouble: str | None = None
        self._asked_at = time.monotonic()
        parts.health.add(self._health.check)
        parts.health.add(self._check_kafka)

    def run(self) -> None:
        """Stream until the stop is requested.

        Raises:
            Unavailable: the broker was not reached within `STARTUP_SECONDS`.
            Refused: it refuses our credentials, or a topic or a permission is missing.
            FatalClientError: the client cannot go on.
        """
        partition_counts = self._reach_kafka()
        if self._stop.is_set():
            return
        path = open_path(
            self._settings,
            self._parts.versions,
            self._parts.make_catalog(),
            stop=self._stop,
            heartbeat=self._health.turned,
            describe=self._health.described,
        )
        if path is None:
            return
        self._stream(path, partition_counts)

    def look_at_kafka(self) -> None:
        """Ask whether the cluster answers, and log it where that changes; from one thread that may wait."""
        if self._admin is None:
            return
        trouble = self._find_trouble(self._admin)
        if (trouble is None) != (self._kafka_trouble is None):
            if trouble is None:
                logger.info("Kafka answers again", extra={"event": "kafka_returned"})
            else:
                logger.warning(
                    "Kafka is not there for us: %s", trouble, extra={"event": "kafka_missed", "error": trouble}
                )
        self._kafka_trouble = trouble
        self._asked_at = time.monotonic()

    def _find_trouble(self, admin: KafkaAdmin) -> str | None:
        """Whether the cluster answers; and, once it has refused a permission, whether that is still so."""
        input_topic, noted = self._settings.input_topic, self._refusals.noted
        trouble = admin.find_trouble(input_topic, PROBE_SECONDS)
        if trouble is None and self._refusals.open:
            try:
                trouble = admin.find_refusal(read=self._read, written=self._written, group_id=self._group_id)
            except DependencyError as error:
                return str(error)
            if trouble is None:
                self._refusals.settle(noted)
        return trouble

    def _check_kafka(self) -> ComponentHealth:
        trouble = self._kafka_trouble
        detail = "answers" if trouble is None else trouble
        stale = time.monotonic() - self._asked_at > PROBE_STALE_SECONDS
        if self._admin is None:
            detail = "not reached yet"
        elif stale:
            detail = "has not been asked for a while"
        ready = self._admin is not None and trouble is None and not stale
        return ComponentHealth("kafka", "stream", ready, alive=True, detail=detail)

    def _reach_kafka(self) -> dict[str, int]:
        """Partition counts of the topics, once the broker has answered."""
        settings = self._settings
        self._health.described(f"waiting for Kafka at {settings.kafka_bootstrap_servers}")
        admin = open_admin(admin_properties(settings), observer=self._observer)
        deadline = time.monotonic() + settings.startup_seconds
        admin.reach(settings.startup_seconds, self._is_stopping)
        while not self._is_stopping():
            try:
                topics = admin.check_topics(
                    [*self._read, *self._written], read=self._read, written=self._written, group_id=self._group_id
                )
            except Unavailable:
                # Brokers that are being restarted answer one question and not the next.
                if time.monotonic() > deadline:
                    raise
                self._stop.wait(1.0)
            else:
                self._admin, self._asked_at = admin, time.monotonic()
                return {name: topic.partitions for name, topic in topics.items()}
        return {}

    def _count_partitions(self, topic: str) -> int:
        """Of a topic that may be missing: then 0."""
        found = {} if self._admin is None else self._admin.describe_topics([topic])
        return found[topic].partitions if topic in found else 0

    def _is_stopping(self) -> bool:
        """Whether to give up waiting; being asked shows that the role is alive."""
        self._health.turned()
        return self._stop.is_set()

    def _stream(self, path: ScoringPath, partition_counts: dict[str, int]) -> None:
        settings, parts = self._settings, self._parts
        source = open_source(
            consumer_properties(settings),
            self._read,
            group_id=self._group_id,
            observer=self._observer,
            answer_seconds=self._stop.answer_seconds,
        )
        self._health.described("starting the producer")
        # The delivery listens first: what is acknowledged is committed before anyone else hears of a revocation.
        try:
            delivery = open_delivery(
                settings,
                source,
                partition_counts,
                transactional_id=choose_transactional_id(self._group_id, Role.STREAM, settings.member_id),
                stop=self._stop,
                client_observer=self._observer,
                observer=parts.metrics,
                heartbeat=self._health.acknowledgement_awaited,
            )
        except StopOverdue:
            source.close()
            return
        self._health.described("joining the consumer group")
        source.add_listener(self._health)
        source.add_listener(parts.metrics)
        shadows = open_stream_shadows(parts, path, self._stop, self._count_partitions, self._observer)
        loop = StreamLoop(
            source,
            path,
            delivery,
            stop=self._stop,
            clock=time.monotonic,
            wall_clock=time.time,
            observers=(
                self._health,
                parts.metrics,
                parts.stats,
                parts.dead_letter_log,
                LagObserver(source, parts.metrics.set_lag, time.monotonic, time.time),
            ),
            limits=BatchLimits(settings.batch_max_records, settings.batch_max_bytes),
            breaker=parts.breaker,
            batch_observers=(shadows.observer,),
        )
        keep_collector_away()
        try:
            loop.run()
        finally:
            self._health.described("stopped")
            try:
                delivery.close()
            finally:
                source.close()
                shadows.close()
