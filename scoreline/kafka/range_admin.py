"""Asks where partitions begin and end, and keeps offsets with notes in the name of a group that nobody joins."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from scoreline.errors import Refused, ServiceError, Unavailable
from scoreline.kafka.clients import Properties, make_admin
from scoreline.kafka.commits import annotate
from scoreline.kafka.errors import TIMED_OUT, TRANSPORT, translate_exception
from scoreline.kafka.watch import ClientWatch
from scoreline.records import Clock, NextOffsets, TopicPartition
from scoreline.transport.ranges import NotedOffset

ANSWER_SECONDS = 10.0
ASK_AGAIN_SECONDS = 0.2
EARLIEST, LATEST = -2, -1
"""The protocol's stand-ins for a moment."""

MOVING = frozenset(
    {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS}
)
"""What a broker answers while the coordinator of a group is being found."""

OCCUPIED = frozenset({KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP, KafkaError.GROUP_SUBSCRIBED_TO_TOPIC})


class RangeAdmin:
    """What is asked before a range of a topic is read.

    Args:
        client: made with `watch`.
        watch: knows the reasons, which no call of the client tells.
    """

    def __init__(self, client: AdminClient, watch: ClientWatch, *, clock: Clock) -> None:
        self._client = client
        self._watch = watch
        self._clock = clock

    def find_offsets(self, partitions: Sequence[TopicPartition], moment: int) -> dict[TopicPartition, int]:
        """The first offset of at least that timestamp, of whatever lies there; -1 where there is none.

        Args:
            moment: milliseconds since the epoch; `EARLIEST`; or `LATEST`: the end for readers of committed records.

        Raises:
            DependencyError: the cluster does not answer, or refuses to tell.
        """
        # The library's stand-in for a constructor: it returns an instance of one of its other classes.
        specs = {ClientPartition(*p): OffsetSpec(moment) for p in partitions}  # type: ignore[abstract]
        answers = self._client.list_offsets(
            specs, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ANSWER_SECONDS
        )
        found = {}
        for p, answer in answers.items():
            attempt = f"could not find the offsets of {p.topic}[{p.partition}]"
            found[TopicPartition(p.topic, p.partition)] = int(self._wait(answer, attempt).offset)
        return found

    def find_committed(self, group_id: str) -> dict[TopicPartition, NotedOffset]:
        """All that the group has committed, offsets of a transaction that is under way left out.

        Raises:
            DependencyError: the cluster does not answer, or refuses to tell.
        """
        asked = [ConsumerGroupTopicPartitions(group_id)]
        found = self._ask(
            lambda: self._client.list_consumer_group_offsets(asked, request_timeout=ANSWER_SECONDS)[group_id],
            f"could not read the offsets of the group {group_id}",
        )
        return {TopicPartition(p.topic, p.partition): NotedOffset(p.offset, p.metadata or "") for p in found}

    def commit(self, group_id: str, next_offsets: NextOffsets, notes: Mapping[TopicPartition, str]) -> None:
        """Commit offsets, each with its note; all of them or none, because one request carries them.

        Raises:
            Refused: the group has members, or this user may not.
            DependencyError: the cluster does not answer.
        """
        asked = [ConsumerGroupTopicPartitions(group_id, annotate(next_offsets, notes))]
        self._ask(
            lambda: self._client.alter_consumer_group_offsets(asked, request_timeout=ANSWER_SECONDS)[group_id],
            f"could not commit offsets of the group {group_id}",
        )

    def _ask(self, question: Callable[[], "Future[Any]"], attempt: str) -> list[ClientPartition]:
        """The partitions in a coordinator's answer, asked for again while that moves; none of an unknown group."""
        deadline = self._clock() + ANSWER_SECONDS
        while True:
            try:
                partitions: list[ClientPartition] = self._wait(question(), attempt).topic_partitions
                error = next((p.error for p in partitions if p.error is not None), None)
            except KafkaException as raised:
                partitions, error = [], raised.args[0]
            if error is None or error.code() == KafkaError.GROUP_ID_NOT_FOUND:
                return partitions
            if error.code() not in MOVING or self._clock() > deadline:
                raise self._explain(KafkaException(error), attempt)
            self._client.poll(ASK_AGAIN_SECONDS)  # waits, too

    def _wait(self, answer: "Future[Any]", attempt: str) -> Any:
        try:
            return answer.result(2 * ANSWER_SECONDS)
        except KafkaException as raised:
            if raised.args[0].code() in MOVING | {KafkaError.GROUP_ID_NOT_FOUND}:
                raise
            raise self._explain(raised, attempt) from raised
        except TimeoutError as late:
            raise Unavailable(f"{attempt}: no answer in time") from late

    def _explain(self, raised: KafkaException, attempt: str) -> ServiceError:
        """The error of the call, or what the error callback knows where the call only says that time is up."""
        self._client.poll(0)
        error: KafkaError = raised.args[0]
        if error.code() in OCCUPIED:
            return Refused(f"{attempt}: it has members; a replay needs a group of its own")
        if self._watch.remedy is not None and error.code() in (TRANSPORT, TIMED_OUT):
            return Refused(f"{attempt}: {self._watch.reason}")
        return translate_exception(raised, attempt)


def open_range_admin(properties: Properties, *, clock: Clock = time.monotonic) -> RangeAdmin:
    """An admin of ranges with a client of its own.

    Args:
        properties: the user's, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(None, clock=clock)
    return RangeAdmin(make_admin(properties, watch=watch), watch, clock=clock)
