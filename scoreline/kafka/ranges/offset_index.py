"""Asks the brokers where partitions begin and end, and what their index says of a moment."""

import time
from collections.abc import Sequence

from confluent_kafka import IsolationLevel, KafkaException
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from scoreline.errors import Refused, ServiceError, Unavailable
from scoreline.kafka.client.clients import Properties, make_admin
from scoreline.kafka.client.errors import TIMED_OUT, TRANSPORT, translate_exception
from scoreline.kafka.client.watch import ClientWatch
from scoreline.records import Clock, TopicPartition

ANSWER_SECONDS = 10.0
EARLIEST, LATEST = -2, -1
"""The protocol's stand-ins for a moment."""


class OffsetIndex:
    """What brokers know of offsets and timestamps without reading records; markers of transactions are among it.

    Args:
        client: made with `watch`.
        watch: knows the reasons, which no call of the client tells.
    """

    def __init__(self, client: AdminClient, watch: ClientWatch) -> None:
        self._client = client
        self._watch = watch

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
            try:
                found[TopicPartition(p.topic, p.partition)] = int(answer.result(2 * ANSWER_SECONDS).offset)
            except KafkaException as raised:
                raise self._explain(raised, attempt) from raised
            except TimeoutError as late:
                raise Unavailable(f"{attempt}: no answer in time") from late
        return found

    def _explain(self, raised: KafkaException, attempt: str) -> ServiceError:
        """The error of the call, or what the error callback knows where the call only says that time is up."""
        self._client.poll(0)
        if self._watch.remedy is not None and raised.args[0].code() in (TRANSPORT, TIMED_OUT):
            return Refused(f"{attempt}: {self._watch.reason}")
        return translate_exception(raised, attempt)


def open_offset_index(properties: Properties, *, clock: Clock = time.monotonic) -> OffsetIndex:
    """An index with a client of its own.

    Args:
        properties: the user's, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(None, clock=clock)
    return OffsetIndex(make_admin(properties, watch=watch), watch)
