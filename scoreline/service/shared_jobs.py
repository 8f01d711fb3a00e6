"""What the roles http and jobs share of batch jobs: one view of all of them a process, and who keeps it up to date."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from scoreline.config.librdkafka import admin_properties, consumer_properties, producer_properties
from scoreline.config.roles import Role
from scoreline.config.settings import Settings
from scoreline.errors import Unavailable
from scoreline.http.batch.routes import JobServing
from scoreline.jobs.ports import EventFeed, ResultReader
from scoreline.jobs.view import JobView
from scoreline.jobs.wire import JobDecoder
from scoreline.kafka.cluster.admin import KafkaAdmin, TopicDescription, open_admin
from scoreline.kafka.cluster.topics import describe_missing
from scoreline.kafka.jobs.encoding import JobEncoding, JobTopicNames
from scoreline.kafka.jobs.feed import open_event_feed
from scoreline.kafka.jobs.publisher import KafkaJobPublisher, open_job_publisher
from scoreline.kafka.jobs.results import open_result_reader
from scoreline.kafka.jobs.topics import open_job_topics
from scoreline.observability.health import ComponentHealth
from scoreline.observability.tee import ClientTee
from scoreline.schemas.configured import open_catalog
from scoreline.schemas.framing import Framing
from scoreline.service.parts import Parts

KEPT_SECONDS = 7 * 24 * 3600.0
"""How long results are taken to be kept where the topic's configuration may not be seen."""


class SharedJobs:
    """Made once, where a role needs it; `start` begins to read events, and reaches Kafka in the background.

    Raises:
        ConfigError: a client does not take a property, or the folder of schemas is damaged.
    """

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._settings = settings
        self._observer = ClientTee(parts.metrics, parts.client_log)
        self._framing = Framing(settings.input_format)
        self.names = name_job_topics(settings)
        self.encoding = JobEncoding(open_catalog(settings), self._framing, self.names)
        self.view = JobView(time.time, results_retention_seconds=KEPT_SECONDS, keeps_places=Role.HTTP in parts.roles)
        self._topics = open_job_topics(
            admin_properties(settings),
            (self.names.jobs, self.names.bulk, self.names.results, self.names.events),
            observer=self._observer,
        )
        self._admin: KafkaAdmin | None = None
        self._publisher: KafkaJobPublisher | None = None
        self._feed = open_event_feed(
            consumer_properties(settings),
            self._topics,
            self.names.events,
            self.make_decoder(),
            self.view,
            prepare=self._prepare,
            observer=self._observer,
            tell_ended=parts.metrics.jobs.job_ended,
        )
        parts.metrics.watch_jobs(partial(count_jobs, self._feed, self.view))
        parts.health.add(self._check)

    def start(self) -> None:
        """Begin to read events."""
        self._feed.start()

    def make_decoder(self) -> JobDecoder:
        """A decoder for one thread, with a catalog of its own."""
        return JobDecoder(open_catalog(self._settings), self._framing)

    def serve(self) -> JobServing:
        """What the routes of batch jobs work on; opens the producer of uploads."""
        self._publisher = open_job_publisher(
            producer_properties(self._settings), self._topics, self.encoding, self.names, observer=self._observer
        )
        return JobServing(
            publisher=self._publisher,
            feed=self._feed,
            view=self.view,
            open_reader=self._open_reader,
            max_rows=self._settings.jobs_max_rows,
            max_line_bytes=int(self._settings.jobs_max_line_bytes),
        )

    def close(self, within_seconds: float) -> None:
        """Stop reading and release the clients; what was not acknowledged by now was not promised to anybody."""
        self._feed.close(within_seconds)
        if self._publisher is not None:
            self._publisher.close()

    def _open_reader(self, should_stop: Callable[[], bool]) -> ResultReader:
        return open_result_reader(
            consumer_properties(self._settings), self.names.results, self.make_decoder(), should_stop=should_stop
        )

    def _prepare(self) -> None:
        """Before the first event: the ids that values are framed with, and how long the topics keep what they hold."""
        if self._admin is None:
            self._admin = open_admin(admin_properties(self._settings), observer=self._observer)
        names = (self.names.results, self.names.events)
        found = self._admin.describe_topics(names)
        if missing := [name for name in names if name not in found]:
            raise Unavailable("; ".join(describe_missing(missing)))
        results_seconds = _read_retention(found[self.names.results], KEPT_SECONDS)
        events_seconds = _read_retention(found[self.names.events], 2 * results_seconds)
        self.view.keep_for(results_retention_seconds=results_seconds, events_retention_seconds=events_seconds)
        self.encoding.look()

    def _check(self) -> ComponentHealth:
        """Never a reason to be unready: predictions, and work on jobs, go on without it."""
        trouble = None if self._publisher is None else self._publisher.trouble
        alive = self._feed.is_alive and trouble is None
        return ComponentHealth("job_events", None, ready=True, alive=alive, detail=trouble or self._feed.describe())


def count_jobs(feed: EventFeed, view: JobView) -> Mapping[str, int]:
    """Jobs by status; empty while the view is not what the topic holds, since a part of them would look like all."""
    try:
        feed.check_ready()
    except Unavailable:
        return {}
    return {str(status): jobs for status, jobs in view.count_by_status().items()}


def name_job_topics(settings: Settings) -> JobTopicNames:
    """The topics of jobs, as the settings name them."""
    return JobTopicNames(
        jobs=settings.jobs_topic,
        bulk=settings.jobs_bulk_topic,
        results=settings.job_results_topic,
        events=settings.job_events_topic,
        dead_letters=settings.jobs_dead_letter_topic,
    )


def _read_retention(topic: TopicDescription, otherwise_seconds: float) -> float:
    """How long a topic keeps its records; infinity where it keeps them for ever."""
    if "delete" not in topic.configs.get("cleanup.policy", "delete"):
        return float("inf")
    told = topic.configs.get("retention.ms", "")
    if not told.lstrip("-").isdigit():
        return otherwise_seconds
    return float("inf") if int(told) < 0 else int(told) / 1000
