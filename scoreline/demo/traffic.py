"""Sends flights to Kafka as an upstream producer would, and reads predictions as a downstream consumer would."""

import io
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import fastavro

from scoreline.dead_letters import REASON_HEADER
from scoreline.demo.flights import flight_schema
from scoreline.demo.poison import Poison, make_poisons
from scoreline.kafka.client.clients import make_consumer, make_producer
from scoreline.records import Headers, find_header
from scoreline.schemas.fixed import prediction_schema

CONFLUENT_FRAME_BYTES = 5


class FlightEncoder:
    """Flights as Avro in the `confluent` frame."""

    def __init__(self, schema_id: int) -> None:
        self._schema = fastavro.parse_schema(flight_schema())
        self._prefix = struct.pack(">bI", 0, schema_id)

    def encode(self, row: dict[str, Any]) -> bytes:
        """One framed payload."""
        out = io.BytesIO(self._prefix)
        out.seek(0, io.SEEK_END)
        fastavro.schemaless_writer(out, self._schema, row)
        return out.getvalue()

    def poisons(self) -> list[Poison]:
        """Every way to break such a payload."""
        return make_poisons(self._make_infinite)

    def _make_infinite(self, payload: bytes) -> bytes:
        row = fastavro.schemaless_reader(io.BytesIO(payload[CONFLUENT_FRAME_BYTES:]), self._schema, None)
        if not isinstance(row, dict):
            raise TypeError(f"a flight has to be a record, but is {type(row).__name__}")
        return self.encode({**row, "departure_delay": float("inf")})


class FlightProducer:
    """Puts flights on the input topic, keyed by carrier and number."""

    def __init__(self, bootstrap_servers: str, topic: str, encoder: FlightEncoder) -> None:
        self._producer = make_producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 1})
        self._topic = topic
        self._encoder = encoder
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """End a `send` of another thread at once; what is not acknowledged yet is dropped."""
        self._given_up.set()
        self._producer.purge()

    def send(
        self,
        rows: Iterable[dict[str, Any]],
        *,
        per_second: float | None = None,
        tick: Callable[[int], None] | None = None,
    ) -> int:
        """Send rows in order, as fast as it goes or at a steady rate, until all are acknowledged; returns how many.

        Args:
            tick: called now and then with the number sent since the last call.
        """
        started = time.monotonic()
        sent = told = 0
        for row in rows:
            if self._given_up.is_set():
                return sent
            if per_second is not None:
                ahead_seconds = sent / per_second - (time.monotonic() - started)
                if ahead_seconds > 0:
                    self._producer.poll(ahead_seconds)
            self._produce(row, self._encoder.encode(row))
            sent += 1
            if sent - told >= 1000:
                self._producer.poll(0)
                if tick is not None:
                    tick(sent - told)
                told = sent
        while self._producer.flush(0.2) and not self._given_up.is_set():
            continue
        if tick is not None:
            tick(sent - told)
        return sent

    def send_poison(self, row: dict[str, Any], poison: Poison) -> None:
        """Send one row, spoiled."""
        self._produce(row, poison.spoil(self._encoder.encode(row)), poison.headers)

    def _produce(self, row: dict[str, Any], value: bytes | None, headers: Headers = ()) -> None:
        key = f"{row['carrier']}{row['flight']}".encode()
        while not self._given_up.is_set():
            try:
                self._producer.produce(self._topic, value, key, headers=[*headers] or None)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return


@dataclass
class Seen:
    """What came out so far.

    Attributes:
        predictions: by flight id; the last one where an id came twice.
        repeated: how many came again for an id that was there.
        first_at, last_at: monotonic seconds of the first and the last prediction.
        latencies_ms: from the record's Kafka timestamp until it was read here, in order of arrival.
        example: the last prediction record, decoded.
    """

    predictions: dict[str, float] = field(default_factory=dict)
    repeated: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)
    first_at: float | None = None
    last_at: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    example: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.predictions) + self.repeated + sum(self.dead_letters.values())

    @property
    def seconds(self) -> float:
        """From the first to the last prediction."""
        return self.last_at - (self.first_at if self.first_at is not None else self.last_at)


class PredictionReader:
    """Reads the output and dead-letter topics from the start."""

    def __init__(self, bootstrap_servers: str, output_topic: str, dead_letter_topic: str) -> None:
        properties = {"bootstrap.servers": bootstrap_servers, "group.id": f"demo-reader-{time.time_ns()}"}
        self._consumer = make_consumer(properties)
        self._dead_letter_topic = dead_letter_topic
        self._schema = prediction_schema()
        self._consumer.subscribe([output_topic, dead_letter_topic])
        self.seen = Seen()

    def read_until(self, count: int, timeout_seconds: float, tick: Callable[[int], None] | None = None) -> bool:
        """Read on until `count` records have come in all; False when none came for `timeout_seconds`."""
        quiet_since = time.monotonic()
        while len(self.seen) < count:
            # What is there, at once: `consume` with a time-out waits until all 5,000 have come.
            messages = self._consumer.consume(1, 0.1)
            if messages:
                messages += self._consumer.consume(5000, 0)
                before = len(self.seen)
                self._note(messages)
                if tick is not None:
                    tick(len(self.seen) - before)
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > timeout_seconds:
                return False
        return True

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _note(self, messages: Sequence[Any]) -> None:
        now_ms, seen = time.time() * 1000, self.seen
        for message in messages:
            if message.error() is not None:
                continue
            if message.topic() == self._dead_letter_topic:
                seen.dead_letters[(find_header(message, REASON_HEADER) or b"").decode()] += 1
                continue
            found: Any = fastavro.schemaless_reader(
                io.BytesIO(message.value()[CONFLUENT_FRAME_BYTES:]), self._schema, None
            )
            seen.repeated += found["id"] in seen.predictions
            seen.predictions[found["id"]] = found["prediction"]
            seen.latencies_ms.append(now_ms - found["event_time"].timestamp() * 1000)
            seen.example = found
        seen.last_at = time.monotonic()
        seen.first_at = seen.first_at if seen.first_at is not None else seen.last_at
