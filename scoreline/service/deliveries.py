"""Opens the delivery that the settings ask for."""

import logging
import time
from collections.abc import Callable, Mapping

from scoreline.config.librdkafka import producer_properties
from scoreline.config.roles import Role
from scoreline.kafka.publisher import open_publisher
from scoreline.kafka.transactions import choose_transactional_id, open_transactions
from scoreline.service.parts import Parts
from scoreline.service.stopping import Stop
from scoreline.transport.at_least_once import AtLeastOnce
from scoreline.transport.exactly_once import ExactlyOnce
from scoreline.transport.patience import Patience
from scoreline.transport.ports import ClientObserver, Delivery, Source

logger = logging.getLogger("scoreline.stream")


def open_delivery(
    parts: Parts,
    source: Source,
    partition_counts: Mapping[str, int],
    *,
    role: Role,
    stop: Stop,
    client_observer: ClientObserver,
    heartbeat: Callable[[], None],
) -> Delivery:
    """A delivery with a producer of its own; exactly once, its transactional id is taken over before anything is read.

    Args:
        partition_counts: of the topics that are written.
        role: whose work is delivered.
        heartbeat: told that the role is alive and waits.

    Raises:
        ConfigError: the client does not take a property.
        Refused: this user may not use the transactional id.
        StopOverdue: a stop came before the transactional id was taken over.
    """
    settings = parts.settings
    patience = Patience(source, clock=time.monotonic, should_give_up=stop.is_overdue, heartbeat=heartbeat)
    if settings.delivery == "at-least-once":
        publisher = open_publisher(
            producer_properties(settings),
            output_topic=settings.output_topic,
            dead_letter_topic=settings.dead_letter_topic,
            partition_counts=partition_counts,
            output_headers=settings.output_headers,
            observer=client_observer,
        )
        interval_seconds = settings.commit_interval_ms / 1000
        return AtLeastOnce(
            publisher, source, commit_interval_seconds=interval_seconds, clock=time.monotonic, patience=patience
        )
    transactional_id = choose_transactional_id(settings.group_for(parts.model_name), role, settings.member_id)

    def keep_waiting() -> bool:
        heartbeat()
        return not stop.is_set()

    transactions = open_transactions(
        producer_properties(settings),
        transactional_id=transactional_id,
        keep_waiting=keep_waiting,
        output_topic=settings.output_topic,
        dead_letter_topic=settings.dead_letter_topic,
        partition_counts=partition_counts,
        output_headers=settings.output_headers,
        observer=client_observer,
    )
    transactions.start()
    logger.info(
        "transactions under the id %s",
        transactional_id,
        extra={"event": "transactions_started", "transactional_id": transactional_id},
    )
    return ExactlyOnce(
        transactions,
        source,
        min_interval_seconds=settings.transaction_min_interval_ms / 1000,
        clock=time.monotonic,
        pause=stop.wait,
        patience=patience,
        observer=parts.metrics,
    )
