"""Asks the cluster about the topics of jobs without ever waiting: how many partitions they have, and where they end."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, cast

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from scoreline.errors import DependencyError, ServiceError, Unavailable
from scoreline.kafka.client.clients import Properties, make_admin
from scoreline.kafka.client.errors import translate_exception
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.cluster.topics import describe_missing
from scoreline.records import Clock
from scoreline.transport.ports import ClientObserver

ANSWER_SECONDS = 3.0
LOOK_AGAIN_SECONDS = 30.0
"""Partitions are added seldom."""

RETRY_SECONDS = 1.0

Ends = Mapping[int, int]
"""The offset after the last record of each partition, open transactions included."""

TellEnds = Callable[[Ends | ServiceError], None]


class JobTopics:
    """What is known of some topics; safe between threads, and no call waits.

    Args:
        client: made with `watch`; it is polled by `tick`.
        clock: monotonic seconds.
    """

    def __init__(self, client: AdminClient, names: Iterable[str], *, watch: ClientWatch, clock: Clock) -> None:
        self._client = client
        self._watch = watch
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._troubles: dict[str, ServiceError] = {}
        self._names = list(names)
        self._look_at = float("-inf")
        self._looking = 0

    def count_partitions(self, topic: str) -> int:
        """How many partitions a topic had when it was last looked at.

        Raises:
            Unavailable: that is not known yet, or there is no such topic; says what to do.
        """
        with self._lock:
            count, trouble = self._counts.get(topic), self._troubles.get(topic)
        if count is not None:
            return count
        if trouble is not None:
            raise Unavailable(str(trouble))
        raise Unavailable(f"Kafka has not told yet what the topic {topic} is; ask again in a moment")

    def tick(self) -> None:
        """Look at the topics again where it is time, and have the client see to itself; to be called now and then."""
        self._client.poll(0)  # errors are told, and tokens renewed, only here
        with self._lock:
            now = self._clock()
            if self._looking or now < self._look_at:
                return
            self._looking = len(self._names)
            self._look_at = now + LOOK_AGAIN_SECONDS
        try:
            for name, answer in self._describe(self._names).items():
                answer.add_done_callback(partial(self._note, name))
        except KafkaException as raised:
            with self._lock:
                self._looking = 0
                self._look_at = now + RETRY_SECONDS
            self._watch.note(raised.args[0])

    def find_ends(self, topic: str, tell: TellEnds) -> None:
        """Find where each partition ends, those among them that were added a moment ago.

        Args:
            tell: called once, from another thread: everything that was acknowledged before the call lies before these.
        """
        try:
            described = self._describe([topic])[topic]
        except KafkaException as raised:
            tell(self._explain(raised, topic))
            return
        described.add_done_callback(lambda done: self._ask_ends(topic, done, tell))

    def _describe(self, names: list[str]) -> dict[str, "Future[Any]"]:
        answers: dict[str, Future[Any]] = self._client.describe_topics(
            TopicCollection(names), request_timeout=ANSWER_SECONDS
        )
        return answers

    def _ask_ends(self, topic: str, described: "Future[Any]", tell: TellEnds) -> None:
        self._note(topic, described, looked=False)
        try:
            count = len(described.result().partitions)
            latest: Any = cast("Any", OffsetSpec).latest()
            asked = {TopicPartition(topic, p): latest for p in range(count)}
            answers = self._client.list_offsets(
                asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=ANSWER_SECONDS
            )
        except KafkaException as raised:
            tell(self._explain(raised, topic))
            return
        _Gathering(len(answers), lambda ends: tell(self._find_unanswered(ends, topic))).listen(answers)

    def _find_unanswered(self, ends: "dict[int, int | KafkaException]", topic: str) -> Ends | ServiceError:
        found = {}
        for partition, end in ends.items():
            if isinstance(end, KafkaException):
                return self._explain(end, topic)
            found[partition] = end
        return found

    def _note(self, name: str, described: "Future[Any]", *, looked: bool = True) -> None:
        count, trouble = None, None
        try:
            count = len(described.result().partitions)
        except KafkaException as raised:
            trouble = self._explain(raised, name)
        with self._lock:
            if count is not None:
                self._counts[name] = count
                self._troubles.pop(name, None)
            elif trouble is not None:
                self._troubles[name] = trouble
                if not isinstance(trouble, Unavailable):
                    self._counts.pop(name, None)  # there is none any more, or not for us
                self._look_at = min(self._look_at, self._clock() + RETRY_SECONDS)
            self._looking -= looked

    def _explain(self, raised: KafkaException, topic: str) -> ServiceError:
        error: KafkaError = raised.args[0]
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return DependencyError(describe_missing([topic])[0])
        return translate_exception(raised, f"could not look at the topic {topic}")


class _Gathering:
    """Waits for the answers about every partition without a thread that waits."""

    def __init__(self, expected: int, tell: "Callable[[dict[int, int | KafkaException]], None]") -> None:
        self._expected = expected
        self._tell = tell
        self._lock = threading.Lock()
        self._ends: dict[int, int | KafkaException] = {}

    def listen(self, answers: "Mapping[TopicPartition, Future[Any]]") -> None:
        """Take the answers as they come."""
        for asked, answer in answers.items():
            answer.add_done_callback(partial(self._take, asked.partition))

    def _take(self, partition: int, answer: "Future[Any]") -> None:
        try:
            end: int | KafkaException = int(answer.result().offset)
        except KafkaException as raised:
            end = raised
        with self._lock:
            self._ends[partition] = end
            complete = len(self._ends) == self._expected
        if complete:
            self._tell(self._ends)


def open_job_topics(
    properties: Properties, names: Iterable[str], *, observer: ClientObserver | None, clock: Clock = time.monotonic
) -> JobTopics:
    """With an admin client of its own.

    Args:
        properties: the user's for an admin client.

    Raises:
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(observer, clock=clock)
    return JobTopics(make_admin(properties, watch=watch), names, watch=watch, clock=clock)
