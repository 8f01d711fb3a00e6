"""Finds out whether this user may use a transactional id, before a stream hangs on it."""

import time

from confluent_kafka import KafkaException

from scoreline.errors import Refused
from scoreline.kafka.client.clients import Properties, make_transactional_producer
from scoreline.kafka.client.errors import describe_error, find_remedy, translate_exception
from scoreline.kafka.client.shadowed import close_producer
from scoreline.kafka.client.watch import ClientWatch
from scoreline.records import Clock

ANSWER_SECONDS = 8.0


def check_transactional_id(
    properties: Properties,
    transactional_id: str,
    *,
    timeout_seconds: float = ANSWER_SECONDS,
    clock: Clock = time.monotonic,
) -> None:
    """Take the id for a moment, with a producer that writes nothing; one that another producer has is taken from it.

    Args:
        properties: the user's for a producer, `bootstrap.servers` among them.
        transactional_id: one that no stream uses; the cluster remembers it for as long as it remembers any.

    Raises:
        ConfigError: the client does not take a property.
        Refused: this user may not use it; says what to grant.
        Unavailable: the cluster did not answer in time.
    """
    watch = ClientWatch(None, clock=clock)
    producer = make_transactional_producer(properties, transactional_id, watch=watch)
    attempt = f"could not use the transactional id {transactional_id}"
    try:
        producer.init_transactions(timeout_seconds)
    except KafkaException as raised:
        # Of this one producer a refusal is the end, of the service it is something that somebody has to grant.
        if find_remedy(raised.args[0]) is not None:
            raise Refused(f"{attempt}: {describe_error(raised.args[0])}") from raised
        producer.poll(0)
        if watch.remedy is not None:
            raise Refused(f"{attempt}: {watch.reason}") from raised
        raise translate_exception(raised, attempt) from raised
    finally:
        close_producer(producer, watch)
