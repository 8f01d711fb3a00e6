"""Asks what a group has committed, as a member is told that begins to read: never while a commit is being decided."""

import time
from collections.abc import Collection

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import Unavailable
from scoreline.kafka.client.bounded import call_in_thread
from scoreline.kafka.client.clients import Properties, make_consumer, without_membership
from scoreline.kafka.client.errors import translate_exception
from scoreline.kafka.client.watch import ClientWatch
from scoreline.records import Clock, TopicPartition
from scoreline.transport.ports import ClientObserver

ANSWER_SECONDS = 1.0
"""How long one question may take; whoever waits for longer asks again, and tells of itself in between."""

PAUSE_SECONDS = 0.1


class CommittedOffsets:
    """For one thread. A client is made for a question and kept until it is answered, because hardly anybody asks one.

    It is a consumer that never joins: an admin client of librdkafka 2.16 crashes (seen) where the group's coordinator
    answers that it is loading, as it does after a broker was away.

    Args:
        properties: the user's for a consumer.
        clock: monotonic seconds.
    """

    def __init__(
        self, properties: Properties, group_id: str, *, observer: ClientObserver | None, clock: Clock = time.monotonic
    ) -> None:
        self._properties = {**without_membership(properties), "group.id": group_id}
        self._group_id = group_id
        self._watch = ClientWatch(observer, clock=clock)
        self._client: Consumer | None = None

    def find(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The offsets that are read next, of those partitions of which the group has committed any.

        Raises:
            Unavailable: no answer in time, or a transaction that has offsets of these is not decided yet.
            Refused: this user may not.
        """
        client = self._client = self._client or make_consumer(self._properties, watch=self._watch)
        try:
            answers = client.committed([ClientPartition(*p) for p in partitions], ANSWER_SECONDS)
            refusals = [answer.error for answer in answers if answer.error is not None]
        except KafkaException as raised:
            refusals = [raised.args[0]]
        if refusals:
            error = translate_exception(
                KafkaException(refusals[0]), f"could not read the offsets of the group {self._group_id}"
            )
            if isinstance(error, Unavailable):
                client.poll(PAUSE_SECONDS)  # waits, too: what was answered at once is not asked for again at once
            raise error
        call_in_thread(client.close)
        self._client = None
        return {TopicPartition(a.topic, a.partition): a.offset for a in answers if a.offset >= 0}
