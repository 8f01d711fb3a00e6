"""Reads a whole topic outside any consumer group: for looking, never for work."""

import time
from collections.abc import Sequence
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import FatalClientError, Refused
from scoreline.kafka.client.clients import Properties, make_consumer
from scoreline.kafka.client.errors import describe_error, find_remedy, translate_exception
from scoreline.kafka.client.headers import guard_headers
from scoreline.kafka.client.watch import ClientWatch
from scoreline.records import Clock, Record

ANSWER_SECONDS = 10.0
NOBODYS_GROUP = "scoreline-looking"
"""The client demands a group; nothing is ever committed, and no group of this name comes to be."""


class TopicReader:
    """Reads every partition that the topic has now, from the start or from the end.

    Args:
        consumer: made with `watch`; it is assigned here, and never joins a group.

    Raises:
        Refused: there is no such topic, or this user may not read it.
        Unavailable: the cluster does not answer.
    """

    def __init__(self, consumer: Consumer, topic: str, *, from_beginning: bool, watch: ClientWatch) -> None:
        self._consumer = consumer
        self._watch = watch
        self._topic = topic
        try:
            self._consumer.assign(self._find_start(from_beginning=from_beginning))
        except KafkaException as raised:
            raise translate_exception(raised, f"could not read the topic {topic}") from raised

    def read(self, max_records: int, timeout_seconds: float) -> Sequence[Record]:
        """What came within the time, at most `max_records`.

        Raises:
            Refused: this user may not read the topic.
            FatalClientError: the client cannot go on.
        """
        good = []
        for message in self._consumer.consume(max_records, timeout_seconds):
            error = message.error()
            if error is None:
                good.append(message)
            elif find_remedy(error) is not None:
                raise Refused(f"could not read the topic {self._topic}: {describe_error(error)}")
            else:
                self._watch.note(error)
        if self._watch.fatal is not None:
            raise FatalClientError(f"the Kafka consumer cannot go on: {self._watch.fatal}")
        guard_headers(good)
        return cast("Sequence[Record]", good)

    def close(self) -> None:
        """Release the client."""
        self._consumer.close()

    def _find_start(self, *, from_beginning: bool) -> list[ClientPartition]:
        found = self._consumer.list_topics(self._topic, timeout=ANSWER_SECONDS).topics[self._topic]
        if found.error is not None:
            raise KafkaException(found.error)
        partitions = [ClientPartition(self._topic, number, OFFSET_BEGINNING) for number in sorted(found.partitions)]
        if not from_beginning:
            # Asked for now and not left to the first fetch: what is produced in between has to be seen.
            for partition in partitions:
                _, partition.offset = self._consumer.get_watermark_offsets(partition, timeout=ANSWER_SECONDS)
        return partitions


def open_reader(
    properties: Properties, topic: str, *, from_beginning: bool, clock: Clock = time.monotonic
) -> TopicReader:
    """A reader with a consumer of its own.

    Args:
        properties: the user's, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
        DependencyError: see `TopicReader`.
    """
    watch = ClientWatch(None, clock=clock)
    consumer = make_consumer({**properties, "group.id": NOBODYS_GROUP}, watch=watch)
    try:
        return TopicReader(consumer, topic, from_beginning=from_beginning, watch=watch)
    except BaseException:
        consumer.close()
        raise
