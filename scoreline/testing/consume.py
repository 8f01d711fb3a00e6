"""Reads whole topics and writes given records, for tests that compare what went in with what came out."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from scoreline.records import Headers, Record
from scoreline.transport.record import StoredRecord

ANSWER_SECONDS = 30.0
READ_AT_ONCE = 1000


def read_records(
    bootstrap_servers: str,
    topic: str,
    *,
    at_least: int = 0,
    within_seconds: float = 30.0,
    committed_only: bool = True,
) -> list[StoredRecord]:
    """Everything that the topic holds, once it holds enough, or what it holds when the time is up.

    It reads on to the end of every partition after `at_least` records, so that one too many is seen too.

    Args:
        bootstrap_servers: address of the cluster.
        topic: has to exist.
        at_least: how many to wait for.
        within_seconds: for how long.
        committed_only: leave out records of transactions that were aborted or are still open.

    Returns:
        The records by partition and offset.

    Raises:
        KafkaException: the topic does not exist, or the cluster does not answer.
    """
    records: list[StoredRecord] = []
    for message in scan_topic(
        bootstrap_servers,
        topic,
        is_enough=lambda: len(records) >= at_least,
        within_seconds=within_seconds,
        committed_only=committed_only,
    ):
        records.append(stored(message))  # noqa: PERF401 - it is counted while it grows
    return sorted(records, key=lambda record: (record.partition_, record.offset_))


def count_records(
    bootstrap_servers: str, topic: str, *, within_seconds: float = 60.0, committed_only: bool = True
) -> int:
    """How many records the topic holds.

    Args:
        committed_only: leave out records of transactions that were aborted or are still open.

    Raises:
        KafkaException: the topic does not exist, or the cluster does not answer.
    """
    scanned = scan_topic(bootstrap_servers, topic, within_seconds=within_seconds, committed_only=committed_only)
    return sum(1 for _ in scanned)


def scan_topic(
    bootstrap_servers: str,
    topic: str,
    *,
    is_enough: Callable[[], bool] = lambda: True,
    within_seconds: float = 30.0,
    committed_only: bool = True,
) -> Iterator[Message]:
    """The topic's records from its start, in order within each partition, to its end, and on until it is enough.

    Args:
        is_enough: asked once the end of every partition was seen.
        within_seconds: when to stop in any case.
        committed_only: leave out records of transactions that were aborted or are still open.

    Raises:
        KafkaException: the topic does not exist, or the cluster does not answer.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "scoreline-testing",  # demanded by the client; nothing is ever committed under it
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed" if committed_only else "read_uncommitted",
            "fetch.queue.backoff.ms": 10,
        }
    )
    deadline = time.monotonic() + within_seconds
    try:
        partitions = partitions_of(consumer, topic)
        consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
        unfinished = set(partitions)
        while (unfinished or not is_enough()) and (left := deadline - time.monotonic()) > 0:
            for message in consumer.consume(READ_AT_ONCE, min(left, 0.1)):
                error = message.error()
                partition = int(message.partition() or 0)
                if error is None:
                    unfinished.add(partition)
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client has no public name for it
                    unfinished.discard(partition)
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()


def produce_records(bootstrap_servers: str, topic: str, records: Iterable[Record]) -> int:
    """Put records onto the partitions that they name, in order, and wait for the acknowledgements.

    A time stamp of 0 stands for now; topic and offset of the records are not looked at.

    Returns:
        How many there were.

    Raises:
        KafkaException: one of them was refused, or not acknowledged in time.
    """
    refused: list[KafkaError] = []

    def note(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            refused.append(error)

    producer = Producer({"bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "linger.ms": 5})
    count = 0
    for record in records:
        while True:
            try:
                producer.produce(
                    topic,
                    record.value(),
                    record.key(),
                    partition=record.partition(),
                    timestamp=record.timestamp()[1],
                    headers=list(record.headers() or ()),
                    on_delivery=note,
                )
            except BufferError:
                producer.poll(0.1)  # until there is room
            else:
                break
        count += 1
    unanswered = producer.flush(ANSWER_SECONDS)
    if refused:
        raise KafkaException(refused[0])
    if unanswered:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{unanswered} records"))  # noqa: SLF001 - as above
    return count


def await_committed(bootstrap_servers: str, group_id: str, topic: str, *, within_seconds: float = 60.0) -> None:
    """Wait until a group has committed the present end of every partition of a topic.

    Raises:
        TimeoutError: it has not in time; says how far it is.
        KafkaException: the topic does not exist, or the cluster does not answer.
    """
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": group_id, "enable.auto.commit": False})
    deadline = time.monotonic() + within_seconds
    try:
        asked = [TopicPartition(topic, p) for p in partitions_of(consumer, topic)]
        ends = {p.partition: consumer.get_watermark_offsets(p, timeout=ANSWER_SECONDS)[1] for p in asked}
        while True:
            found = {p.partition: p.offset for p in consumer.committed(asked, timeout=ANSWER_SECONDS)}
            missing = {p: (found[p], end) for p, end in ends.items() if end and found[p] < end}
            if not missing:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{group_id} has not committed the end of {topic}, (committed, end): {missing}")
            consumer.poll(0.1)  # waits; nothing is subscribed
    finally:
        consumer.close()


def partitions_of(consumer: Consumer, topic: str) -> list[int]:
    """Numbers of the topic's partitions.

    Raises:
        KafkaException: it does not exist, or the cluster does not answer.
    """
    found = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    return sorted(found.partitions)


def stored(message: Message) -> StoredRecord:
    """A message as a plain value that compares equal to what was produced."""
    headers = cast("Headers | None", message.headers())  # the client says str for values, and gives bytes
    return StoredRecord(
        topic_=message.topic() or "",
        partition_=int(message.partition() or 0),
        offset_=int(message.offset() or 0),
        key_=message.key(),
        value_=message.value(),
        headers_=tuple(headers) if headers else None,
        timestamp_ms=message.timestamp()[1],
    )
