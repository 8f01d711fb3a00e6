"""Puts records under running numbers onto a topic at a steady rate, so that each can be found on the other side."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

TURN_SECONDS = 0.02
ACKNOWLEDGED_SECONDS = 120.0


class Load:
    """Produces from a thread of its own for as long as its block lasts; what brokers miss meanwhile is sent later.

    Record n has n in decimal as its key and lies on partition n modulo `partitions`: on a topic that was empty, its
    offset there is n divided by `partitions`.

    Args:
        bootstrap_servers: address of the cluster.
        topic: has to exist.
        make_value: of record n; called in the thread of the load.
        partitions: of the topic.
        per_second: how many records.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str,
        make_value: Callable[[int], bytes],
        *,
        partitions: int,
        per_second: float,
    ) -> None:
        self._topic = topic
        self._make_value = make_value
        self._partitions = partitions
        self._per_second = per_second
        self._refused: list[KafkaError] = []
        self._failure: BaseException | None = None
        self._sent = 0
        self._stop = threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.timeout.ms": 0,
                "delivery.report.only.error": True,
                "on_delivery": self._note,
                "reconnect.backoff.max.ms": 1000,
                "log_level": 0,  # that brokers are away is the doing of the test
            }
        )
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    @property
    def sent(self) -> int:
        """How many records were given to the client so far; all of them are acknowledged once the block is left."""
        return self._sent

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and wait for the acknowledgements.

        Raises:
            KafkaException: a record was refused, or not acknowledged in time.
        """
        self._stop.set()
        self._thread.join()
        unanswered = self._producer.flush(ACKNOWLEDGED_SECONDS)
        if error is not None:
            return
        if self._failure is not None:
            raise self._failure
        if self._refused:
            raise KafkaException(self._refused[0])
        if unanswered:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{unanswered} records"))  # noqa: SLF001 - no public name

    def _note(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._refused.append(error)

    def _run(self) -> None:
        started = time.monotonic()
        try:
            while not self._stop.wait(TURN_SECONDS):
                self._send_until(int((time.monotonic() - started) * self._per_second))
                self._producer.poll(0)
        except BaseException as failure:  # noqa: BLE001 - kept, and raised again where the block is left
            self._failure = failure

    def _send_until(self, due: int) -> None:
        for number in range(self._sent, due):
            value = self._make_value(number)
            while not self._offer(number, value):
                if self._stop.is_set():
                    return
            self._sent = number + 1

    def _offer(self, number: int, value: bytes) -> bool:
        """Give one record to the client; False when its queue is full, after a moment in which there may be room."""
        try:
            self._producer.produce(self._topic, value, b"%d" % number, partition=number % self._partitions)
        except BufferError:
            self._producer.poll(0.1)
            return False
        return True
