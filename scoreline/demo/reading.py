"""Reads predictions, dead letters and drift events as downstream consumers would."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scoreline.dead_letters import REASON_HEADER
from scoreline.demo.encoding import decode_framed
from scoreline.errors import DeliveryError
from scoreline.kafka.client.clients import make_consumer
from scoreline.records import find_header
from scoreline.schemas.fixed import DRIFT_EVENT_ID, load_fixed, prediction_schema

QUIET_SECONDS = 60.0


@dataclass
class Seen:
    """What came out so far.

    Attributes:
        predictions: by flight id; the last one where an id came twice.
        repeated: how many came again for an id that was there.
        scored_at_ms: of every prediction, milliseconds since the epoch, in order of arrival.
        latencies_ms: from the record's Kafka timestamp until it was read here, in order of arrival.
        example: the last prediction record, decoded.
    """

    predictions: dict[str, float] = field(default_factory=dict)
    repeated: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)
    scored_at_ms: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    example: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.predictions) + self.repeated + sum(self.dead_letters.values())


class PredictionReader:
    """Reads the output and dead-letter topics from the start."""

    def __init__(self, bootstrap_servers: str, output_topic: str, dead_letter_topic: str) -> None:
        self._consumer = make_consumer(_make_properties(bootstrap_servers, "predictions"))
        self._dead_letter_topic = dead_letter_topic
        self._schema = prediction_schema()
        self._consumer.subscribe([output_topic, dead_letter_topic])
        self.seen = Seen()

    def read_until(self, count: int, tick: Callable[[int], None] | None = None) -> None:
        """Read on until `count` records have come in all.

        Raises:
            DeliveryError: none came for a minute.
        """
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
            elif time.monotonic() - quiet_since > QUIET_SECONDS:
                raise DeliveryError(f"{count} records went in, but only {len(self.seen)} came out")

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
            found = decode_framed(message.value(), self._schema)
            seen.repeated += found["id"] in seen.predictions
            seen.predictions[found["id"]] = found["prediction"]
            seen.scored_at_ms.append(found["scored_at"].timestamp() * 1000)
            seen.latencies_ms.append(now_ms - found["event_time"].timestamp() * 1000)
            seen.example = found


class DriftEventReader:
    """Reads the topic of drift events from the start."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self._consumer = make_consumer(_make_properties(bootstrap_servers, "drift"))
        self._consumer.subscribe([topic])
        self._schema = load_fixed(DRIFT_EVENT_ID)
        self.events: list[dict[str, Any]] = []

    def read_until(self, count: int) -> None:
        """Read on until `count` events have come in all.

        Raises:
            DeliveryError: none came for a minute.
        """
        quiet_since = time.monotonic()
        while len(self.events) < count:
            messages = [m for m in self._consumer.consume(1000, 0.1) if m.error() is None]
            values = [value for m in messages if (value := m.value()) is not None]
            self.events += [decode_framed(value, self._schema) for value in values]
            if values:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > QUIET_SECONDS:
                raise DeliveryError(f"the service counted {count} drift events, but only {len(self.events)} came")

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()


def _make_properties(bootstrap_servers: str, what: str) -> dict[str, Any]:
    return {"bootstrap.servers": bootstrap_servers, "group.id": f"demo-{what}-{time.time_ns()}"}
