"""The jobs role: waits for Kafka, then has its workers score chunks until it is told to stop."""

import threading
import time
from contextlib import ExitStack

from scoreline.config.librdkafka import consumer_properties, producer_properties
from scoreline.config.roles import Role
from scoreline.errors import StopOverdue, Unavailable
from scoreline.jobs.lanes import Lanes
from scoreline.jobs.scoring import ChunkScorer
from scoreline.jobs.worker import JobWorker
from scoreline.kafka.client.clients import Properties, fit_fetches
from scoreline.kafka.jobs.chunk_deliveries import open_chunk_delivery
from scoreline.kafka.jobs.committed import CommittedOffsets
from scoreline.kafka.jobs.delivery import KafkaChunkDelivery
from scoreline.kafka.member.refusals import RefusalNotes
from scoreline.kafka.member.source import KafkaSource, open_source
from scoreline.kafka.publishing.transactions import choose_transactional_id
from scoreline.observability.tee import ClientTee
from scoreline.service.garbage import keep_collector_away
from scoreline.service.job_counting import JobCounting
from scoreline.service.job_tracing import JobTracing
from scoreline.service.jobs_health import JobsHealth, WorkerHealth
from scoreline.service.kafka_contact import KafkaContact
from scoreline.service.parts import Parts
from scoreline.service.shared_jobs import SharedJobs
from scoreline.service.stopping import Stop
from scoreline.stream.lag import LagObserver
from scoreline.transport.backoff import Backoff
from scoreline.transport.patience import Patience

LANE_DEFAULTS: Properties = {
    "queued.min.messages": 4,  # a chunk is up to a mebibyte, and takes a worker some 25 ms
    "queued.max.messages.kbytes": 4_096,
}

FETCH_BYTES = 2_097_152

LANE_INVARIANTS: Properties = {
    "auto.offset.reset": "earliest",  # `latest` is for a stream: a job one of whose chunks is skipped never ends
    "fetch.min.bytes": 1,  # a small job waits for nobody
    "fetch.wait.max.ms": 100,
}

CLASSIC_LANE_DEFAULTS: Properties = {
    "heartbeat.interval.ms": 1000,  # two members a worker join one after the other, and hear of it with a heartbeat
}


class JobsRole:
    """Everything between the settings and the running workers; `run` is the body of one thread."""

    def __init__(self, parts: Parts, stop: Stop, shared: SharedJobs) -> None:
        self._parts = parts
        self._settings = parts.settings
        self._stop = stop
        self._shared = shared
        self._group_id = self._settings.jobs_group_for(parts.model_name)
        self._refusals = RefusalNotes()
        self._observer = ClientTee(parts.metrics, parts.client_log, self._refusals)
        self._health = JobsHealth()
        names = shared.names
        self._contact = KafkaContact(
            self._settings,
            Role.JOBS,
            read=[names.jobs, names.bulk],
            written=[names.results, names.events, names.dead_letters, self._settings.drift_events_topic],
            group_id=self._group_id,
            refusals=self._refusals,
            observer=self._observer,
        )
        self._error: BaseException | None = None
        parts.health.add(self._health.check)
        parts.health.add(self._contact.check)

    def run(self) -> None:
        """Work until the stop is requested, or a worker cannot go on.

        Raises:
            Unavailable: the broker was not reached within `STARTUP_SECONDS`.
            Refused: it refuses our credentials, or a topic or a permission is missing.
            SchemaError: the registry refuses a schema, or does not have it.
            StopOverdue: a worker did not end within the time that a stop is allowed.
            FatalClientError: a client cannot go on.
        """
        self._health.described(f"waiting for Kafka at {self._settings.kafka_bootstrap_servers}")
        partition_counts = self._contact.reach(self._stop, lambda: None)
        if self._stop.is_set() or not self._get_schema_ids():
            return
        keep_collector_away()
        ended = threading.Event()
        workers = [
            threading.Thread(
                target=self._work, args=(number, partition_counts, ended), name=f"job-worker-{number}", daemon=True
            )
            for number in range(self._settings.workers)
        ]
        for worker in workers:
            worker.start()
        ended.wait()
        self._stop.request()  # where one cannot go on, the others finish what they have in hand
        for worker in workers:
            worker.join(max(0.0, self._stop.left_seconds() - self._stop.sidecar_seconds))
        if self._error is not None:
            raise self._error
        stuck = [worker.name for worker in workers if worker.is_alive()]
        if stuck:
            raise StopOverdue(f"{' and '.join(stuck)} did not end in time")

    def look_at_kafka(self) -> None:
        """Ask whether the cluster answers; from one thread that may wait."""
        self._contact.look()

    def _get_schema_ids(self) -> bool:
        """Whether they were had before a stop came."""
        backoff = Backoff()
        while not self._stop.is_set():
            try:
                self._shared.encoding.look()
            except Unavailable as error:
                self._health.described(f"waiting for the schema registry: {error}")
                self._stop.wait(backoff.next_seconds())
            else:
                return True
        return False

    def _work(self, number: int, partition_counts: dict[str, int], ended: threading.Event) -> None:
        try:
            self._work_on_lanes(number, partition_counts)
        except BaseException as error:  # noqa: BLE001 - kept, and raised again by the role's thread
            self._error = self._error or error
        finally:
            ended.set()

    def _work_on_lanes(self, number: int, partition_counts: dict[str, int]) -> None:
        parts, stop, names = self._parts, self._stop, self._shared.names
        health = self._health.add(WorkerHealth(time.monotonic, ("jobs", "bulk")))
        # Members leave the group and the producer is released whatever else fails, the last that was opened first.
        with ExitStack() as opened:
            opened.callback(health.described, "stopped")
            sources = []
            for topic, suffix in ((names.jobs, f"-jobs-{number}"), (names.bulk, f"-bulk-{number}")):
                sources.append(self._open_lane(topic, suffix))
                opened.callback(sources[-1].close)
            lanes = Lanes(*sources, clock=time.monotonic)
            health.described("starting the producer")
            try:
                delivery = self._open_delivery(number, lanes, health, partition_counts)
            except StopOverdue:
                return
            opened.callback(delivery.close)
            health.described("joining the consumer group")
            lags = []
            for source, lane in zip(sources, health.lanes, strict=True):
                source.add_listener(lane)
                source.add_listener(parts.metrics.jobs)
                lags.append(LagObserver(source, parts.metrics.jobs.set_lag, time.monotonic, time.time))
            tracing = () if parts.traces is None else (JobTracing(parts.traces.chunks),)
            worker = JobWorker(
                lanes,
                self._shared.make_decoder(),
                ChunkScorer(parts.versions, clock=time.monotonic, wall_clock=time.time),
                delivery,
                model=parts.model_name,
                is_unwanted=self._shared.view.is_unwanted,
                stop=stop,
                clock=time.monotonic,
                wall_clock=time.time,
                observers=(health, JobCounting(parts.metrics.jobs, parts.stats, lags), *tracing),
                rows_observer=parts.drift.monitor,
            )
            try:
                worker.run()
            except StopOverdue:
                return  # how the last chunk ended is not known; the next start goes on from what was committed

    def _open_delivery(
        self, number: int, lanes: Lanes, health: WorkerHealth, partition_counts: dict[str, int]
    ) -> KafkaChunkDelivery:
        stop = self._stop

        def keep_waiting() -> bool:
            health.acknowledgement_awaited()
            return not stop.is_set()

        patience = Patience(
            lanes,
            clock=time.monotonic,
            should_give_up=stop.is_overdue,
            heartbeat=health.acknowledgement_awaited,
        )
        committed = CommittedOffsets(consumer_properties(self._settings), self._group_id, observer=self._observer)
        return open_chunk_delivery(
            producer_properties(self._settings),
            self._shared.encoding,
            self._shared.names,
            partition_counts,
            count_partitions=self._contact.count_partitions,
            find_committed=committed.find,
            transactional_id=self._choose_transactional_id(number),
            patience=patience,
            client_observer=self._observer,
            observer=self._parts.metrics,
            keep_waiting=keep_waiting,
        )

    def _open_lane(self, topic: str, suffix: str) -> KafkaSource:
        asked = consumer_properties(self._settings, member_suffix=suffix)
        classic = asked.get("group.protocol", "classic") == "classic"
        ours = {**LANE_DEFAULTS, **fit_fetches(asked, FETCH_BYTES), **(CLASSIC_LANE_DEFAULTS if classic else {})}
        return open_source(
            {**ours, **asked, **LANE_INVARIANTS},
            [topic],
            group_id=self._group_id,
            observer=self._observer,
            answer_seconds=self._stop.answer_seconds,
        )

    def _choose_transactional_id(self, number: int) -> str:
        """`<group>-jobs-<member>`, with a number for every worker but the first."""
        group_id = self._settings.group_for(self._parts.model_name)
        chosen = choose_transactional_id(group_id, Role.JOBS, self._settings.member_id)
        return f"{chosen}-{number}" if number else chosen
