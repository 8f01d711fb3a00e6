"""Opens the delivery of a worker, with a producer none of whose waits is longer than its transactions."""

import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from scoreline.kafka.client.clients import Properties, make_transactional_producer
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.jobs.delivery import KafkaChunkDelivery
from scoreline.kafka.jobs.encoding import JobEncoding, JobTopicNames
from scoreline.kafka.publishing.producing import Undelivered
from scoreline.kafka.publishing.transacting import TransactionalProducing
from scoreline.records import Clock, NextOffsets, TopicPartition
from scoreline.transport.patience import Patience
from scoreline.transport.ports import ClientObserver, TransactionObserver

TRANSACTION_DEFAULTS: Properties = {"transaction.timeout.ms": 10_000}
"""A worker that is killed hides what comes behind its open transaction from all readers for so long, and for up to 10 s
more: that often a broker as delivered looks for those that have lasted for too long."""

SOCKET_MARGIN_MS = 100
"""What librdkafka lets a request take beyond a transaction."""


def fit_transactions(properties: Properties) -> dict[str, Any]:
    """Properties for the producer of a worker: a time-out that was meant for the stream is cut down to a transaction.

    The client would refuse it otherwise; what is no number it refuses all the same.

    Args:
        properties: the user's for a producer.
    """
    fitting = {**TRANSACTION_DEFAULTS, **properties}
    most_ms = _read_number(fitting["transaction.timeout.ms"])
    if most_ms is None:
        return fitting
    limits = {
        "message.timeout.ms": most_ms,
        "delivery.timeout.ms": most_ms,
        "socket.timeout.ms": most_ms + SOCKET_MARGIN_MS,
    }
    for name, limit_ms in limits.items():
        asked_ms = _read_number(fitting.get(name))
        if asked_ms is not None and asked_ms > limit_ms:
            fitting[name] = limit_ms
    return fitting


def _read_number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() else None


def open_chunk_delivery(
    properties: Properties,
    encoding: JobEncoding,
    names: JobTopicNames,
    partition_counts: Mapping[str, int],
    *,
    count_partitions: Callable[[str], int],
    find_committed: Callable[[Collection[TopicPartition]], NextOffsets],
    transactional_id: str,
    patience: Patience,
    client_observer: ClientObserver,
    observer: TransactionObserver,
    keep_waiting: Callable[[], bool],
    clock: Clock = time.monotonic,
    wall_clock: Clock = time.time,
) -> KafkaChunkDelivery:
    """A delivery with a producer of its own, whose transactional id is taken over before anything is read.

    Args:
        properties: the user's for a producer, `bootstrap.servers` among them.
        count_partitions, find_committed: see `KafkaChunkDelivery`.
        keep_waiting: asked once a second while the id is taken over.

    Raises:
        ConfigError: the client does not take a property.
        Refused: this user may not use the transactional id.
        StopOverdue: `keep_waiting` said no.
        FatalClientError: the client cannot go on.
    """
    fitting = fit_transactions(properties)
    undelivered = Undelivered()
    watch = ClientWatch(client_observer, clock=clock)
    connect = partial(
        make_transactional_producer,
        fitting,
        transactional_id,
        watch=watch,
        on_delivery=undelivered.report,
        tell_delivered=True,
    )
    producing = TransactionalProducing(
        connect,
        transactional_id=transactional_id,
        keep_waiting=patience.keep_waiting,
        undelivered=undelivered,
        watch=watch,
        clock=clock,
    )
    try:
        producing.start(keep_waiting)
    except BaseException:
        producing.close()
        raise
    return KafkaChunkDelivery(
        producing,
        encoding,
        names,
        partition_counts,
        count_partitions=count_partitions,
        find_committed=find_committed,
        transaction_seconds=int(fitting["transaction.timeout.ms"]) / 1000,
        patience=patience,
        observer=observer,
        clock=clock,
        wall_clock=wall_clock,
    )
