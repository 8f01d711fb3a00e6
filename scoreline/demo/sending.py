"""Sends flights and labels to Kafka as their upstream producers would."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from scoreline.demo.encoding import FlightEncoder, encode_label
from scoreline.demo.poison import Poison
from scoreline.kafka.client.clients import make_producer
from scoreline.records import Headers


class Sender:
    """The client that sends, in one thread; another one may end it early."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._producer = make_producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 1})
        self._given_up = threading.Event()

    @property
    def is_given_up(self) -> bool:
        """Whether nothing is sent any more."""
        return self._given_up.is_set()

    def give_up(self) -> None:
        """End what another thread is sending at once; what is not acknowledged yet is dropped."""
        self._given_up.set()
        self._producer.purge()

    def send(self, topic: str, value: bytes | None, key: bytes, headers: Headers = ()) -> None:
        """Hand over one record; waits where too many are under way."""
        while not self._given_up.is_set():
            try:
                self._producer.produce(topic, value, key, headers=[*headers] or None)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def serve(self, seconds: float = 0.0) -> None:
        """Let the client do its work for so long."""
        self._producer.poll(seconds)

    def flush(self) -> None:
        """Wait until everything is acknowledged."""
        while self._producer.flush(0.2) and not self._given_up.is_set():
            continue


class FlightProducer:
    """Puts flights on the input topic, keyed by carrier and number."""

    def __init__(self, sender: Sender, topic: str, encoder: FlightEncoder) -> None:
        self._sender = sender
        self._topic = topic
        self._encoder = encoder

    def send(
        self,
        rows: Iterable[dict[str, Any]],
        *,
        per_second: float | None = None,
        tick: Callable[[int], None] | None = None,
    ) -> None:
        """Send rows in order, as fast as it goes or at a steady rate.

        Args:
            tick: called now and then with the number sent since the last call.
        """
        started = time.monotonic()
        sent = told = 0
        for row in rows:
            if self._sender.is_given_up:
                return
            if per_second is not None:
                ahead_seconds = sent / per_second - (time.monotonic() - started)
                if ahead_seconds > 0:
                    self._sender.serve(ahead_seconds)
            self._sender.send(self._topic, self._encoder.encode(row), _key(row))
            sent += 1
            if sent - told >= 1000:
                self._sender.serve()
                if tick is not None:
                    tick(sent - told)
                told = sent
        if tick is not None:
            tick(sent - told)

    def send_poison(self, row: dict[str, Any], poison: Poison) -> None:
        """Send one row, spoiled."""
        value = poison.spoil(self._encoder.encode(row))
        self._sender.send(self._topic, value, _key(row), poison.headers)


class LabelProducer:
    """Puts what turned out to be true on the topic of labels, keyed by the id of the prediction."""

    def __init__(self, sender: Sender, topic: str) -> None:
        self._sender = sender
        self._topic = topic

    def send(self, labels: Iterable[tuple[str, float]]) -> None:
        """Send pairs of an id and a label, in order."""
        for flight, label in labels:
            if self._sender.is_given_up:
                return
            self._sender.send(self._topic, encode_label(flight, label), flight.encode())


def _key(row: dict[str, Any]) -> bytes:
    return f"{row['carrier']}{row['flight']}".encode()
