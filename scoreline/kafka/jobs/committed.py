"""Asks what a group has committed, as a member is told that begins to read: never while a commit is being decided."""

import time
from collections.abc import Collection

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import AdminClient

from scoreline.errors import ServiceError, Unavailable
from scoreline.kafka.client.clients import Properties, make_admin
from scoreline.kafka.client.errors import translate_exception
from scoreline.kafka.client.watch import ClientWatch
from scoreline.records import Clock, TopicPartition
from scoreline.transport.ports import ClientObserver

ANSWER_SECONDS = 1.0
"""How long one question may take; whoever waits for longer asks again, and tells of itself in between."""

PAUSE_SECONDS = 0.1


class CommittedOffsets:
    """For one thread. The client is made with the first question, because hardly anybody asks one.

    Args:
        properties: the user's for an admin client.
        clock: monotonic seconds.
    """

    def __init__(
        self, properties: Properties, group_id: str, *, observer: ClientObserver | None, clock: Clock = time.monotonic
    ) -> None:
        self._properties = properties
        self._group_id = group_id
        self._watch = ClientWatch(observer, clock=clock)
        self._client: AdminClient | None = None

    def find(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The offsets that are read next, of those partitions of which the group has committed any.

        Raises:
            Unavailable: no answer in time, or a transaction that has offsets of these is not decided yet.
            Refused: this user may not.
        """
        client = self._client = self._client or make_admin(self._properties, watch=self._watch)
        asked = ConsumerGroupTopicPartitions(self._group_id, [ClientPartition(*p) for p in partitions])
        attempt = f"could not read the offsets of the group {self._group_id}"
        question = client.list_consumer_group_offsets([asked], require_stable=True, request_timeout=ANSWER_SECONDS)[
            self._group_id
        ]
        try:
            answers = question.result(2 * ANSWER_SECONDS).topic_partitions
        except TimeoutError as late:
            raise Unavailable(f"{attempt}: no answer in time") from late
        except KafkaException as raised:
            if raised.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return {}
            raise _explain(client, raised, attempt) from raised
        for answer in answers:
            if answer.error is not None:
                raise _explain(client, KafkaException(answer.error), attempt)
        return {TopicPartition(a.topic, a.partition): a.offset for a in answers if a.offset >= 0}


def _explain(client: AdminClient, raised: KafkaException, attempt: str) -> ServiceError:
    client.poll(PAUSE_SECONDS)  # waits, too: an answer that came at once is not asked for again at once
    return translate_exception(raised, attempt)
