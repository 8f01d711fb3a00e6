"""Calls of a producer that has failed for good, which the client library reports in ways of its own."""

import warnings
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaException, Producer

from scoreline.kafka.watch import ClientWatch

T = TypeVar("T")


def raise_shadowed(step: Callable[[], T]) -> T:
    """Call the client library, and raise the error that it means.

    It raises a fatal error from within a poll and runs the callbacks that are left nevertheless: of these the
    interpreter says that they have returned with an error set, and the error itself is only the cause of that.
    """
    try:
        return step()
    except SystemError as shadow:
        if isinstance(shadow.__cause__, KafkaException):
            raise shadow.__cause__ from None
        raise


def close_producer(producer: Producer, watch: ClientWatch) -> None:
    """Release a producer, whatever state it is in.

    It tries to roll back an open transaction, and where it cannot it warns, or raises if it was fenced: then whoever
    has taken the id over has done it, or the broker does in time.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            raise_shadowed(producer.close)
        except KafkaException as raised:
            watch.note(raised.args[0])
