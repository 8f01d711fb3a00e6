"""The stream role: waits for Kafka, joins the group, and turns the loop until it is told to stop."""

import time
from collections.abc import Iterator

from scoreline.config.librdkafka import consumer_properties
from scoreline.config.roles import Role
from scoreline.errors import StopOverdue
from scoreline.kafka.member.refusals import RefusalNotes
from scoreline.kafka.member.source import open_source
from scoreline.kafka.publishing.transactions import choose_transactional_id
from scoreline.observability.events import BatchObserver
from scoreline.observability.tee import ClientTee
from scoreline.scoring import ScoringPath
from scoreline.service.deliveries import open_delivery
from scoreline.service.garbage import keep_collector_away
from scoreline.service.kafka_contact import KafkaContact
from scoreline.service.labels import open_labels
from scoreline.service.parts import Parts
from scoreline.service.paths import open_path
from scoreline.service.shadows import open_stream_shadows
from scoreline.service.stopping import Stop
from scoreline.stream.health import StreamHealth
from scoreline.stream.lag import LagObserver
from scoreline.stream.loop import BatchLimits, StreamLoop


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
        self._health = StreamHealth(time.monotonic)
        topic = self._settings.labels_topic
        self._labels = None if topic is None else open_labels(parts, topic, ClientTee(parts.metrics, parts.client_log))
        self._contact = KafkaContact(
            self._settings,
            Role.STREAM,
            read=self._read,
            written=[
                self._settings.output_topic,
                self._settings.dead_letter_topic,
                self._settings.drift_events_topic,
            ],
            group_id=self._group_id,
            refusals=self._refusals,
            observer=self._observer,
            also_read=[] if topic is None else [topic],
        )
        parts.health.add(self._health.check)
        parts.health.add(self._contact.check)

    def run(self) -> None:
        """Stream until the stop is requested.

        Raises:
            Unavailable: the broker was not reached within `STARTUP_SECONDS`.
            Refused: it refuses our credentials, or a topic or a permission is missing.
            FatalClientError: the client cannot go on.
        """
        self._health.described(f"waiting for Kafka at {self._settings.kafka_bootstrap_servers}")
        partition_counts = self._contact.reach(self._stop, self._health.turned)
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
        self._contact.look()

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
        shadows = open_stream_shadows(parts, path, self._stop, self._contact.count_partitions, self._observer)
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
                parts.latest_letters,
                LagObserver(source, parts.metrics.set_lag, time.monotonic, time.time),
            ),
            limits=BatchLimits(settings.batch_max_records, settings.batch_max_bytes),
            breaker=parts.breaker,
            batch_observers=(shadows.observer, *self._list_more_observers()),
        )
        if self._labels is not None:
            self._labels.start()
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
                if self._labels is not None:
                    self._labels.close(max(0.0, self._stop.left_seconds() - self._stop.sidecar_seconds))

    def _list_more_observers(self) -> Iterator[BatchObserver]:
        """Drift, and those that are switched on."""
        yield self._parts.drift.monitor
        if self._parts.traces is not None:
            yield self._parts.traces.batches
        if self._labels is not None:
            yield self._labels.notes
