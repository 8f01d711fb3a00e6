"""Where the ports' contracts are tried: in memory and on a real Kafka, behind the same few methods."""

import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import AdminClient

from scoreline.kafka.member.source import open_source
from scoreline.kafka.publishing.destinations import Destinations
from scoreline.kafka.publishing.publisher import open_publisher
from scoreline.kafka.publishing.transactions import open_transactions
from scoreline.records import Headers, NextOffsets, Record, TopicPartition
from scoreline.testing.consume import read_records
from scoreline.testing.plugin import MakeTopic
from scoreline.transport.memory import (
    GroupProtocol,
    MemoryBroker,
    MemoryPublisher,
    MemorySource,
    MemoryTransactions,
    Outcome,
    Transaction,
)
from scoreline.transport.ports import Publisher, Source, TransactionalPublisher
from scoreline.transport.record import StoredRecord

PATIENCE_SECONDS = 30.0
MANY_BYTES = 1 << 24


class Recorder:
    """A `RebalanceListener` and `ClientObserver` that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, frozenset[TopicPartition]]] = []
        self.commits: list[tuple[NextOffsets, str | None]] = []
        self.errors: list[tuple[str, str]] = []

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        self.events.append(("assigned", frozenset(partitions)))

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        self.events.append(("revoked", frozenset(partitions)))

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        self.events.append(("lost", frozenset(partitions)))

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        self.events.append(("stranded", frozenset([partition])))

    def commit_answered(self, next_offsets: NextOffsets, error: str | None) -> None:
        self.commits.append((dict(next_offsets), error))

    def client_error(self, name: str, detail: str) -> None:
        self.errors.append((name, detail))

    @property
    def joined(self) -> bool:
        return any(event == "assigned" for event, _ in self.events)


class World(Protocol):
    """What a contract test needs of a broker."""

    def make_topic(self, partitions: int = 1, *, max_record_bytes: int = 1 << 20) -> str: ...

    def append(
        self,
        topic: str,
        values: Sequence[bytes | None],
        *,
        partition: int = 0,
        key: bytes | None = None,
        headers: Headers | None = None,
    ) -> None: ...

    def append_in_transaction(
        self, topic: str, values: Sequence[bytes | None], *, commit: bool, partition: int = 0
    ) -> None: ...

    def delete_before(self, partition: TopicPartition, offset: int) -> None: ...

    def read(self, topic: str, *, at_least: int) -> list[StoredRecord]: ...

    def committed(self, group: str, partition: TopicPartition) -> int | None: ...

    def open_source(self, topic: str, group: str, *, member: str = "a", recorder: Recorder | None = None) -> Source: ...

    def open_publisher(
        self,
        outputs: str,
        dead_letters: str,
        *,
        output_headers: bool = False,
        capacity: int = 10_000,
        answering: bool = True,
    ) -> Publisher: ...

    def open_transactions(
        self, outputs: str, dead_letters: str, group: str, *, transactional_id: str
    ) -> TransactionalPublisher: ...

    def close(self) -> None: ...


class MemoryWorld:
    def __init__(self, protocol: GroupProtocol) -> None:
        self.broker = MemoryBroker(protocol=protocol)
        self._topics = 0
        self._limits: dict[str, int] = {}

    def make_topic(self, partitions: int = 1, *, max_record_bytes: int = 1 << 20) -> str:
        self._topics += 1
        name = self.broker.create_topic(f"topic-{self._topics}", partitions)
        self._limits[name] = max_record_bytes
        return name

    def append(self, topic, values, *, partition=0, key=None, headers=None) -> None:
        for value in values:
            self.broker.append(topic, value, partition=partition, key=key, headers=headers)

    def append_in_transaction(self, topic, values, *, commit, partition=0) -> None:
        transaction = Transaction()
        for value in values:
            self.broker.append(topic, value, partition=partition, transaction=transaction)
        transaction.end(Outcome.COMMITTED if commit else Outcome.ABORTED)

    def delete_before(self, partition: TopicPartition, offset: int) -> None:
        self.broker.log(partition).delete_before(offset)

    def read(self, topic: str, *, at_least: int) -> list[StoredRecord]:
        return self.broker.read(topic)

    def committed(self, group: str, partition: TopicPartition) -> int | None:
        return self.broker.group(group).committed.get(partition)

    def open_source(self, topic, group, *, member="a", recorder=None) -> Source:
        source = MemorySource(self.broker, group, [topic], member=member, observer=recorder)
        if recorder is not None:
            source.add_listener(recorder)
        return source

    def open_publisher(
        self, outputs, dead_letters, *, output_headers=False, capacity=10_000, answering=True
    ) -> Publisher:
        publisher = MemoryPublisher(
            self.broker,
            output_topic=outputs,
            dead_letter_topic=dead_letters,
            output_headers=output_headers,
            capacity=capacity,
            max_record_bytes=self._limits[outputs],
        )
        publisher.acknowledging = answering
        return publisher

    def open_transactions(self, outputs, dead_letters, group, *, transactional_id) -> TransactionalPublisher:
        publisher = MemoryTransactions(
            self.broker,
            self.broker.group(group),
            transactional_id,
            output_topic=outputs,
            dead_letter_topic=dead_letters,
            max_record_bytes=self._limits[outputs],
        )
        publisher.start(lambda: True)
        return publisher

    def close(self) -> None:
        pass


class KafkaWorld:
    def __init__(self, bootstrap_servers: str, make_topic: MakeTopic, consumer_properties: Mapping[str, str]) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._properties = {"bootstrap.servers": bootstrap_servers}
        self._consumer_properties = {**self._properties, **consumer_properties}
        self._make_topic = make_topic
        self._partitions: dict[str, int] = {}
        self._sources: list[Source] = []
        self._publishers: list[Publisher] = []

    def make_topic(self, partitions: int = 1, *, max_record_bytes: int = 1 << 20) -> str:
        name = self._make_topic("contract", partitions=partitions, config={"max.message.bytes": str(max_record_bytes)})
        self._partitions[name] = partitions
        return name

    def append(self, topic, values, *, partition=0, key=None, headers=None) -> None:
        producer = Producer({**self._properties, "linger.ms": 5})
        for value in values:
            producer.produce(topic, value, key, partition=partition, headers=list(headers or ()))
        assert producer.flush(PATIENCE_SECONDS) == 0

    def append_in_transaction(self, topic, values, *, commit, partition=0) -> None:
        producer = Producer({**self._properties, "transactional.id": f"input-{secrets.token_hex(4)}"})
        producer.init_transactions(PATIENCE_SECONDS)
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value, partition=partition)
        assert producer.flush(PATIENCE_SECONDS) == 0
        end = producer.commit_transaction if commit else producer.abort_transaction
        end(PATIENCE_SECONDS)

    def delete_before(self, partition: TopicPartition, offset: int) -> None:
        admin = AdminClient(self._properties)
        deleted = admin.delete_records([ClientPartition(partition.topic, partition.partition, offset)])
        for future in deleted.values():
            future.result(PATIENCE_SECONDS)

    def read(self, topic: str, *, at_least: int) -> list[StoredRecord]:
        return read_records(self._bootstrap_servers, topic, at_least=at_least)

    def committed(self, group: str, partition: TopicPartition) -> int | None:
        consumer = Consumer({**self._properties, "group.id": group})
        try:
            found = consumer.committed([ClientPartition(partition.topic, partition.partition)], PATIENCE_SECONDS)
        finally:
            consumer.close()
        return found[0].offset if found[0].offset >= 0 else None

    def open_source(self, topic, group, *, member="a", recorder=None) -> Source:
        source = open_source(
            {**self._consumer_properties, "client.id": member}, [topic], group_id=group, observer=recorder or Recorder()
        )
        if recorder is not None:
            source.add_listener(recorder)
        self._sources.append(source)
        return source

    def open_publisher(
        self, outputs, dead_letters, *, output_headers=False, capacity=10_000, answering=True
    ) -> Publisher:
        publisher = open_publisher(
            {
                "bootstrap.servers": self._bootstrap_servers if answering else "127.0.0.1:1",
                "queue.buffering.max.messages": str(capacity),
            },
            Destinations(outputs, dead_letters, self._partitions, output_headers=output_headers),
            observer=Recorder(),
        )
        self._publishers.append(publisher)
        return publisher

    def open_transactions(self, outputs, dead_letters, group, *, transactional_id) -> TransactionalPublisher:
        publisher = open_transactions(
            self._properties,
            Destinations(outputs, dead_letters, self._partitions, output_headers=False),
            transactional_id=transactional_id,
            keep_waiting=lambda: True,
            observer=Recorder(),
        )
        self._publishers.append(publisher)
        publisher.start(lambda: True)
        return publisher

    def close(self) -> None:
        for publisher in self._publishers:
            publisher.close()
        for source in self._sources:
            source.close()


def poll_until(
    sources: Source | Sequence[Source], condition: Callable[[list[Record]], bool], *, max_records: int = 500
) -> list[Record]:
    """Poll all in turn until the records so far satisfy the condition; each poll's promise is checked on the way."""
    members = [sources] if not isinstance(sources, Sequence) else sources
    taken: list[Record] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition(taken):
        assert time.monotonic() < deadline, f"{len(taken)} records so far"
        for member in members:
            records = member.poll(max_records, MANY_BYTES, 0.05)
            assert len(records) <= max_records
            assert {TopicPartition(r.topic(), r.partition()) for r in records} <= member.assignment()
            taken += records
    return taken
