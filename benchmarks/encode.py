"""Predictions to Avro: ours against fastavro, on records of the Kafka client; asserts that the bytes are equal.

Run it with `python -m benchmarks.encode`.
"""

import io
import time
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
from confluent_kafka import Message
from fastavro import schemaless_writer

from scoreline.models.model import Scores
from scoreline.records import Record
from scoreline.schemas.fixed import PREDICTION_ID, load_fixed
from scoreline.schemas.framing import Framing, prefix_for
from scoreline.schemas.predictions import PredictionEncoder, Source

SIZES = (1, 16, 64, 256, 1024, 4096)
CLASSES = ("early", "on time", "late")
SCORED_AT_MS = 1_388_534_400_000
RECORDS_PER_ROUND = 8192
ROUNDS = 5


def make_messages(count: int) -> list[Record]:
    """Flights of four partitions as the client hands them over, one partition's records after another's."""
    messages = [
        Message(
            topic="features",
            partition=4 * i // count,
            offset=170_000 + i,
            key=b"UA%d-%d" % (i % 997, i),
            value=bytes(197),
            timestamp=(1, SCORED_AT_MS - 5 * i),
        )
        for i in range(count)
    ]
    return cast("list[Record]", messages)


def write_by_fastavro(
    messages: Sequence[Record], scores: Scores, classes: tuple[str, ...] | None, prefix: bytes
) -> list[bytes]:
    """The same predictions, one dictionary a record."""
    schema = load_fixed(PREDICTION_ID)
    values = []
    for message, score in zip(messages, scores.tolist(), strict=True):
        best = None if classes is None else int(np.argmax(score))
        written = io.BytesIO()
        written.write(prefix)
        prediction = {
            "id": (message.key() or b"").decode(),
            "prediction": score if best is None else float(best),
            "label": None if classes is None or best is None else classes[best],
            "scores": [] if best is None else score,
            "model": "flights",
            "version": 3,
            "source_topic": message.topic(),
            "source_partition": message.partition(),
            "source_offset": message.offset(),
            "event_time": message.timestamp()[1],
            "scored_at": SCORED_AT_MS,
        }
        schemaless_writer(written, schema, prediction)
        values.append(written.getvalue())
    return values


def measure_microseconds(encode: Callable[[], object], records: int) -> float:
    """CPU time of this thread for each record, the best of several rounds."""
    times = max(1, RECORDS_PER_ROUND // records)
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.thread_time()
        for _ in range(times):
            encode()
        best = min(best, time.thread_time() - started)
    return best / times / records * 1e6


def compare(name: str, size: int, classes: tuple[str, ...] | None) -> None:
    """Print one line, for batches of `size` records."""
    prefix = prefix_for(Framing.CONFLUENT, PREDICTION_ID, load_fixed(PREDICTION_ID))
    encoder = PredictionEncoder(prefix)
    messages = make_messages(size)
    scores = np.random.default_rng(size).random((size,) if classes is None else (size, len(classes)))

    def encode() -> list[bytes]:
        source = Source(messages)
        return encoder.encode(source, scores, model="flights", version=3, classes=classes, scored_at_ms=SCORED_AT_MS)

    def reference() -> list[bytes]:
        return write_by_fastavro(messages, scores, classes, prefix)

    assert encode() == reference()
    ours, theirs = measure_microseconds(encode, size), measure_microseconds(reference, size)
    print(f"{name:20s} {size:9d} {ours:11.2f} {theirs:11.2f} {theirs / ours:8.1f}")


def main() -> None:
    """Print CPU microseconds a record, by kind of model and size of batch."""
    print("CPU µs per record        batch   scoreline    fastavro    times")
    for name, classes in (("one score", None), ("three classes", CLASSES)):
        for size in SIZES:
            compare(name, size, classes)


if __name__ == "__main__":
    main()
