"""Puts predictions, dead letters and offsets onto Kafka in transactions."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from confluent_kafka import Producer

from scoreline.kafka.client.clients import OnDelivery, Properties, make_transactional_producer
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.member.commits import NO_NOTES
from scoreline.kafka.publishing.destinations import Destinations
from scoreline.kafka.publishing.outputs import OutputWriter
from scoreline.kafka.publishing.producing import Undelivered
from scoreline.kafka.publishing.transacting import ONE_NAME_EACH, TransactionalProducing
from scoreline.records import Clock, DeadLetter, Outputs, TopicPartition
from scoreline.transport.ports import ClientObserver


class KafkaTransactions(TransactionalProducing):
    """Implements `scoreline.transport.ports.TransactionalPublisher`.

    Args:
        wall_clock: seconds since the epoch.
        rest: as for `TransactionalProducing`.
    """

    def __init__(
        self,
        connect: Callable[[], Producer],
        destinations: Destinations,
        *,
        transactional_id: str,
        keep_waiting: Callable[[], bool],
        wall_clock: Clock,
        undelivered: Undelivered,
        watch: ClientWatch,
        clock: Clock = time.monotonic,
        notes: Mapping[TopicPartition, str] = NO_NOTES,
        remedy: str = ONE_NAME_EACH,
    ) -> None:
        super().__init__(
            connect,
            transactional_id=transactional_id,
            keep_waiting=keep_waiting,
            undelivered=undelivered,
            watch=watch,
            clock=clock,
            notes=notes,
            remedy=remedy,
        )
        self._outputs = OutputWriter(destinations, wall_clock=wall_clock)

    def publish(self, outputs: Outputs, dead_letters: Sequence[DeadLetter], keep_waiting: Callable[[], bool]) -> None:
        """As `KafkaPublisher.publish`, into the transaction that is open."""
        self._outputs.write(self._producer, self.insist, outputs, dead_letters, keep_waiting)


def choose_transactional_id(group_id: str, role: str, member_id: str | None) -> str:
    """`<group>-<role>-<member>`: with a stable member a restart ends its predecessor's open transaction at once.

    Args:
        member_id: a name that no other live member has; None for a random one.
    """
    return f"{group_id}-{role}-{member_id or secrets.token_hex(16)}"


def open_transactions(
    properties: Properties,
    destinations: Destinations,
    *,
    transactional_id: str,
    keep_waiting: Callable[[], bool],
    observer: ClientObserver,
    notes: Mapping[TopicPartition, str] = NO_NOTES,
    remedy: str = ONE_NAME_EACH,
    clock: Clock = time.monotonic,
    wall_clock: Clock = time.time,
) -> KafkaTransactions:
    """A transactional publisher with a producer of its own, not started yet.

    Args:
        properties: the user's, `bootstrap.servers` among them.
        keep_waiting: asked once a second while a new producer takes over, where that is needed.
        notes: kept beside the offsets that are sent, by partition.
        remedy: what to do where another producer takes the same id.

    Raises:
        ConfigError: the client does not take a property.
    """
    undelivered = Undelivered()
    watch = ClientWatch(observer, clock=clock)
    on_delivery: OnDelivery = undelivered.report
    return KafkaTransactions(
        partial(make_transactional_producer, properties, transactional_id, watch=watch, on_delivery=on_delivery),
        destinations,
        transactional_id=transactional_id,
        keep_waiting=keep_waiting,
        wall_clock=wall_clock,
        undelivered=undelivered,
        watch=watch,
        clock=clock,
        notes=notes,
        remedy=remedy,
    )
