"""The loop that a good engineer writes by hand in an afternoon, as the neighbour that ours is measured against.

confluent-kafka in batches, fastavro for every record, a dictionary of levels, one `predict` a batch, one flush, one
commit; or all of it in a transaction. It writes the same predictions as ours, and has no row isolation, no dead letters
and no metrics.
"""

import io
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import lightgbm as lgb
import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from benchmarks.flights import SCHEMA_ID
from scoreline.demo.flights import CATEGORICAL, FEATURES, flight_schema
from scoreline.schemas.fixed import PREDICTION_ID, prediction_schema

BATCH = 500
WAIT_SECONDS = 0.1
FRAME = struct.Struct(">bI")
MODEL, VERSION = "flights", 1
ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Work:
    """What a loop of this folder is to do, until it is killed."""

    bootstrap_servers: str
    group_id: str
    input_topic: str
    output_topic: str
    model: Path
    transactional: bool = False


def make_consumer(work: Work) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": work.bootstrap_servers,
            "group.id": work.group_id,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 10,
        }
    )
    consumer.subscribe([work.input_topic])
    return consumer


def make_producer(work: Work, on_delivery: Callable[[KafkaError | None, Message], None]) -> Producer:
    """Only failures are reported, which is the cheaper way and not the one of the client's own examples."""
    properties: dict[str, Any] = {
        "bootstrap.servers": work.bootstrap_servers,
        "enable.idempotence": True,
        "linger.ms": 5,
        "compression.type": "lz4",
        "delivery.report.only.error": True,
        "on_delivery": on_delivery,
    }
    if work.transactional:
        properties |= {"transactional.id": work.group_id, "retry.backoff.ms": 5}
    producer = Producer(properties)
    if work.transactional:
        producer.init_transactions(ANSWER_SECONDS)
    return producer


def run(work: Work) -> None:
    """Child process: loop until killed."""
    booster = lgb.Booster(model_file=str(work.model))
    codes = {
        name: {**{level: float(code) for code, level in enumerate(levels)}, None: np.nan}
        for name, levels in zip(CATEGORICAL, booster.pandas_categorical, strict=True)
    }
    columns = [(name, codes.get(name)) for name in FEATURES]
    schemas, output_schema = {SCHEMA_ID: fastavro.parse_schema(flight_schema())}, prediction_schema()
    head = FRAME.pack(0, PREDICTION_ID)
    failed: list[KafkaError] = []

    def note(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error)

    consumer, producer = make_consumer(work), make_producer(work, note)
    while True:
        messages = consumer.consume(BATCH, WAIT_SECONDS)
        if not messages:
            continue
        rows, ids = [], []
        next_offsets: dict[int, int] = {}
        for message in messages:
            if message.error() is not None:
                raise KafkaException(message.error())
            stream = io.BytesIO(message.value())
            _, schema_id = FRAME.unpack(stream.read(FRAME.size))
            flight: Any = fastavro.schemaless_reader(stream, schemas[schema_id], None)
            ids.append(flight["id"])
            rows.append([flight[n] if found is None else found.get(flight[n], np.nan) for n, found in columns])
            next_offsets[message.partition()] = message.offset() + 1
        scores = booster.predict(np.array(rows, dtype=np.float64), num_threads=1)
        scored_at_ms = int(time.time() * 1000)
        if work.transactional:
            producer.begin_transaction()
        for message, name, score in zip(messages, ids, scores.tolist(), strict=True):
            prediction = {
                "id": name,
                "prediction": score,
                "model": MODEL,
                "version": VERSION,
                "source_topic": work.input_topic,
                "source_partition": message.partition(),
                "source_offset": message.offset(),
                "event_time": message.timestamp()[1],
                "scored_at": scored_at_ms,
            }
            out = io.BytesIO()
            out.write(head)
            fastavro.schemaless_writer(out, output_schema, prediction)
            producer.produce(work.output_topic, out.getvalue(), message.key(), message.partition())
        offsets = [TopicPartition(work.input_topic, p, offset) for p, offset in next_offsets.items()]
        if work.transactional:
            metadata = consumer.consumer_group_metadata()
            producer.send_offsets_to_transaction(offsets, metadata, ANSWER_SECONDS)
            producer.commit_transaction(ANSWER_SECONDS)
        else:
            producer.flush()
        if failed:
            raise KafkaException(failed[0])
        if not work.transactional:
            consumer.commit(offsets=offsets, asynchronous=False)
