"""Calls of a producer that has failed for good, which the client library reports in ways of its own."""

import warnings
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, Producer

from scoreline.kafka.client.bounded import call_in_thread
from scoreline.kafka.client.errors import TIMED_OUT
from scoreline.kafka.client.watch import ClientWatch

T = TypeVar("T")

ANSWER_SECONDS = 2.5


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


def close_producer(producer: Producer, watch: ClientWatch, *, answer_seconds: float = ANSWER_SECONDS) -> None:
    """Release a producer, whatever state it is in; a broker that does not answer is not waited for.

    It tries to roll back an open transaction, without end, and where it cannot it warns, or raises if it was fenced:
    then whoever has taken the id over has done it, or the broker does in time.
    """

    def close() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            raise_shadowed(producer.close)

    closing = call_in_thread(close)
    try:
        closing.result(answer_seconds)
    except TimeoutError:
        watch.note(KafkaError(TIMED_OUT, "no broker has answered that a transaction is given up"))
    except KafkaException as raised:
        watch.note(raised.args[0])
