"""Opens the delivery that the settings ask for."""

import logging
import time
from collections.abc import Callable, Mapping

from scoreline.config.librdkafka import producer_properties
from scoreline.config.settings import Settings
from scoreline.kafka.member.commits import NO_NOTES
from scoreline.kafka.publishing.destinations import Destinations
from scoreline.kafka.publishing.publisher import open_publisher
from scoreline.kafka.publishing.transacting import ONE_NAME_EACH
from scoreline.kafka.publishing.transactions import open_transactions
from scoreline.records import TopicPartition
from scoreline.service.stopping import Stop
from scoreline.transport.at_least_once import AtLeastOnce
from scoreline.transport.exactly_once import ExactlyOnce
from scoreline.transport.patience import Patience
from scoreline.transport.ports import ClientObserver, Delivery, Source, TransactionObserver

logger = logging.getLogger("scoreline.stream")


def open_delivery(
    settings: Settings,
    source: Source,
    partition_counts: Mapping[str, int],
    *,
    transactional_id: str,
    stop: Stop,
    client_observer: ClientObserver,
    observer: TransactionObserver,
    heartbeat: Callable[[], None],
    notes: Mapping[TopicPartition, str] = NO_NOTES,
    remedy: str = ONE_NAME_EACH,
) -> Delivery:
    """A delivery with a producer of its own; exactly once, its transactional id is taken over before anything is read.

    Args:
        partition_counts: of the topics that are written.
        heartbeat: told that whoever waits is alive.
        notes: what is kept beside the offsets that a transaction commits.
        remedy: what to do where someone else takes the transactional id.

    Raises:
        ConfigError: the client does not take a property.
        Refused: this user may not use the transactional id.
        StopOverdue: a stop came before the transactional id was taken over.
    """
    destinations = Destinations(
        settings.output_topic,
        settings.dead_letter_topic,
        partition_counts,
        output_headers=settings.output_headers,
    )
    patience = Patience(source, clock=time.monotonic, should_give_up=stop.is_overdue, heartbeat=heartbeat)
    if settings.delivery == "at-least-once":
        publisher = open_publisher(producer_properties(settings), destinations, observer=client_observer)
        interval_seconds = settings.commit_interval_ms / 1000
        return AtLeastOnce(
            publisher, source, commit_interval_seconds=interval_seconds, clock=time.monotonic, patience=patience
        )

    def keep_waiting() -> bool:
        heartbeat()
        return not stop.is_set()

    transactions = open_transactions(
        producer_properties(settings),
        destinations,
        transactional_id=transactional_id,
        keep_waiting=patience.keep_waiting,
        observer=client_observer,
        notes=notes,
        remedy=remedy,
    )
    transactions.start(keep_waiting)
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
        observer=observer,
    )
