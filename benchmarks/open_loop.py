"""Sends at times that are fixed in advance and measures until the answer can be read, in a process of its own.

A record that is sent late, because everything is busy, is as late as its answer: latency counts from the time at which
it was to be sent. Sender and reader share the process and its clock; the client's own threads do the work.
"""

import gc
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, Producer, TopicPartition

from scoreline.testing.consume import partitions_of

ID_BYTES = 8
ID_AT = 6
SCORE_AT = ID_AT + ID_BYTES
LEAD_SECONDS = 0.5
LAST_ANSWER_SECONDS = 30.0
KEYS = 1000
QUEUED_RECORDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """Records at a steady rate.

    Attributes:
        tails: of the payloads, what comes behind an id of eight digits; used in turn.
        head: of the payloads, what comes before the id: a frame, and the length of the id.
        warm_up_seconds: that come before the measured ones.
    """

    bootstrap_servers: str
    input_topic: str
    output_topic: str
    head: bytes
    tails: Sequence[bytes]
    per_second: int
    seconds: float
    warm_up_seconds: float
    partitions: int

    @property
    def count(self) -> int:
        return int(self.per_second * (self.seconds + self.warm_up_seconds))


@dataclass(frozen=True, slots=True)
class Answers:
    """What was read, by the number of the record.

    Attributes:
        seconds: from the time at which a record was to be sent; NaN where no answer came; the first answer counts.
        scores: of the answers.
        repeated: answers beyond the first.
        late_seconds: how far the sender was behind its times at the 99th percentile.
    """

    seconds: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    repeated: int
    late_seconds: float


def run(load: Load, answer: Connection) -> None:
    """Child process: send, read, and answer with `Answers`."""
    payloads = [load.head + b"%08d" % n + load.tails[n % len(load.tails)] for n in range(load.count)]
    gc.freeze()
    gc.disable()
    consumer = open_reader(load)
    producer = Producer(
        {
            "bootstrap.servers": load.bootstrap_servers,
            "enable.idempotence": True,
            "linger.ms": 0,
            "delivery.report.only.error": True,
            "queue.buffering.max.messages": QUEUED_RECORDS,
        }
    )
    producer.list_topics(load.input_topic, timeout=LAST_ANSWER_SECONDS)  # connected before the first is due
    due = time.perf_counter() + LEAD_SECONDS + np.arange(load.count) / load.per_second
    sent = np.empty(load.count)
    sender = threading.Thread(target=send, args=(producer, load, payloads, due.tolist(), sent), daemon=True)
    sender.start()
    arrivals = read(consumer, load.count, due[-1] + LAST_ANSWER_SECONDS)
    sender.join()
    producer.flush(LAST_ANSWER_SECONDS)
    consumer.close()
    answer.send(sort_out(arrivals, load, due, sent))


def open_reader(load: Load) -> Consumer:
    """A read_committed reader of the outputs that is at their end."""
    consumer = Consumer(
        {
            "bootstrap.servers": load.bootstrap_servers,
            "group.id": "open-loop",  # demanded by the client; nothing is ever committed under it
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 10,
            "fetch.queue.backoff.ms": 1,
        }
    )
    partitions = partitions_of(consumer, load.output_topic)
    ends = [TopicPartition(load.output_topic, p) for p in partitions]
    consumer.assign(
        [TopicPartition(p.topic, p.partition, consumer.get_watermark_offsets(p, timeout=10)[1]) for p in ends]
    )
    consumer.poll(LEAD_SECONDS)  # connected before the first is due
    return consumer


def send(producer: Producer, load: Load, payloads: Sequence[bytes], due: Sequence[float], sent: np.ndarray) -> None:
    """Send each record when it is due, or as soon as it can be."""
    clock, topic, partitions = time.perf_counter, load.input_topic, load.partitions
    for n, at in enumerate(due):
        while (ahead := at - clock()) > 0:
            time.sleep(ahead)
        producer.produce(topic, payloads[n], b"%d" % (n % KEYS), n % partitions)
        sent[n] = clock()


def read(consumer: Consumer, count: int, until: float) -> list[tuple[float, bytes]]:
    """Take what is there, at once, until as many have come as were sent."""
    arrivals: list[tuple[float, bytes]] = []
    while len(arrivals) < count and time.perf_counter() < until:
        messages = consumer.consume(1, 0.1)
        if messages:
            messages += consumer.consume(10_000, 0)
            now = time.perf_counter()
            arrivals += [(now, m.value()) for m in messages if m.error() is None]
    return arrivals


def sort_out(
    arrivals: Sequence[tuple[float, bytes]], load: Load, due: npt.NDArray[np.float64], sent: npt.NDArray[np.float64]
) -> Answers:
    seconds, scores = np.full(load.count, np.nan), np.full(load.count, np.nan)
    repeated = 0
    for at, value in arrivals:
        n = int(value[ID_AT:SCORE_AT])
        if np.isnan(seconds[n]):
            seconds[n] = at - due[n]
            scores[n] = np.frombuffer(value[SCORE_AT : SCORE_AT + 8], "<f8")[0]
        else:
            repeated += 1
    return Answers(seconds, scores, repeated, float(np.quantile(sent - due, 0.99)))
