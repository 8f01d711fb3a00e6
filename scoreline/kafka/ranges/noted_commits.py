"""Reads and writes commits with their notes, in the name of a group that nobody joins.

Through a consumer and not through the admin client, whose `list_consumer_group_offsets` can end the whole process:
where the cluster has no coordinator for the group yet, confluent-kafka 2.16 dies of a segmentation fault.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import Refused, ServiceError, Unavailable
from scoreline.kafka.client.bounded import call_in_thread
from scoreline.kafka.client.clients import Properties, make_onlooker
from scoreline.kafka.client.errors import MOVING, TIMED_OUT, TRANSPORT, translate_exception
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.member.commits import annotate
from scoreline.records import Clock, NextOffsets, TopicPartition
from scoreline.transport.ranges import NotedOffset

ANSWER_SECONDS = 10.0
ASK_AGAIN_SECONDS = 0.2


class NotedCommits:
    """The commits of one group.

    Args:
        consumer: made with `watch`, by `make_onlooker`; it is closed here.
        watch: knows the reasons, which no call of the client tells.
    """

    def __init__(self, consumer: Consumer, watch: ClientWatch, *, group_id: str, clock: Clock) -> None:
        self._consumer = consumer
        self._clock = clock
        self._watch = watch
        self._group_id = group_id

    def find(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, NotedOffset]:
        """What the group has committed of these; offsets of a transaction that is under way are not waited for.

        Raises:
            DependencyError: the cluster does not answer, or refuses to tell.
        """
        asked = [ClientPartition(*p) for p in partitions]
        answers = self._ask(
            lambda: self._consumer.committed(asked, timeout=ANSWER_SECONDS),
            f"could not read the offsets of the group {self._group_id}",
        )
        found = {TopicPartition(p.topic, p.partition): p for p in answers if p.offset >= 0}
        return {partition: NotedOffset(p.offset, p.metadata or "") for partition, p in found.items()}

    def commit(self, next_offsets: NextOffsets, notes: Mapping[TopicPartition, str]) -> None:
        """Commit offsets, each with its note; all of them or none, because one request carries them.

        Raises:
            Refused: the group has members, or this user may not.
            DependencyError: the cluster does not answer.
        """
        offsets = annotate(next_offsets, notes)
        self._ask(
            lambda: self._consumer.commit(offsets=offsets, asynchronous=False),
            f"could not commit offsets of the group {self._group_id}",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            call_in_thread(self._consumer.close).result(ANSWER_SECONDS)
        except TimeoutError:
            self._watch.note(KafkaError(TIMED_OUT, "no broker has answered the last of this consumer's requests"))

    def _ask(self, question: Callable[[], list[ClientPartition]], attempt: str) -> list[ClientPartition]:
        """The coordinator's answer, asked for again while that moves."""
        deadline = self._clock() + ANSWER_SECONDS
        while True:
            try:
                answers = call_in_thread(question).result(2 * ANSWER_SECONDS)
                error = next((p.error for p in answers if p.error is not None), None)
            except KafkaException as raised:
                answers, error = [], raised.args[0]
            except TimeoutError as late:
                raise Unavailable(f"{attempt}: no answer in time") from late
            if error is None:
                return answers
            if error.code() not in MOVING or self._clock() > deadline:
                raise self._explain(error, attempt)
            self._consumer.poll(ASK_AGAIN_SECONDS)  # waits; nothing is subscribed

    def _explain(self, error: KafkaError, attempt: str) -> ServiceError:
        """The error of the call, or what the error callback knows where the call only says that time is up."""
        if error.code() == KafkaError.UNKNOWN_MEMBER_ID:
            return Refused(
                f"{attempt}: it has members, and a replay needs a group that nobody is in; take another --id"
            )
        if self._watch.remedy is not None and error.code() in (TRANSPORT, TIMED_OUT):
            return Refused(f"{attempt}: {self._watch.reason}")
        return translate_exception(KafkaException(error), attempt)


def open_noted_commits(properties: Properties, *, group_id: str, clock: Clock = time.monotonic) -> NotedCommits:
    """The commits of a group, asked for by a consumer of its own.

    Args:
        properties: the user's, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(None, clock=clock)
    consumer = make_onlooker({**properties, "group.id": group_id}, watch=watch)
    return NotedCommits(consumer, watch, group_id=group_id, clock=clock)
