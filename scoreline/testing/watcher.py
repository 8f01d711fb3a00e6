"""Reads topics live as a read_committed consumer would, and keeps book of what comes and of when nothing does."""

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.records import TopicPartition
from scoreline.testing.consume import partitions_of
from scoreline.testing.ledger import Ledger
from scoreline.testing.silences import Silences

READ_AT_ONCE = 1000
TURN_SECONDS = 0.05
NAMED_AT_MOST = 20

PASSING = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - the client has no public names for these
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
    }
)
"""What the client says while brokers are away; it goes on by itself."""

Judge = Callable[[Message], str | None]
"""What is wrong with a record in itself, None for nothing."""


class Watcher:
    """Follows whole topics from a thread of its own, for as long as its block lasts.

    The keys of the records are running numbers, as `scoreline.testing.load.Load` gives them.

    Args:
        bootstrap_servers: address of the cluster.
        heard_topic: whose silences are noted.
        topics: further ones to read.
        judge: asked about every record.

    Attributes:
        ledger: of all topics together; exact once the block is left.
        silences: of the partitions of `heard_topic`.
        wrong: how many records the judge had something to say about.
        named_wrong: the first of what it said.
    """

    def __init__(self, bootstrap_servers: str, heard_topic: str, topics: Sequence[str], *, judge: Judge) -> None:
        self.ledger = Ledger()
        self.silences = Silences()
        self.wrong = 0
        self.named_wrong: list[str] = []
        self._heard_topic = heard_topic
        self._judge = judge
        self._failure: BaseException | None = None
        self._stop = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "scoreline-testing",  # demanded by the client; nothing is ever committed under it
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                # A position that is out of range is an error here: to jump to either end would hide or double records.
                "auto.offset.reset": "error",
                "fetch.queue.backoff.ms": 10,
                "fetch.wait.max.ms": 50,
                "reconnect.backoff.max.ms": 1000,
                "log_level": 0,  # that brokers are away is the doing of the test
            }
        )
        self._consumer.assign(
            [
                ClientPartition(topic, partition, 0)
                for topic in (heard_topic, *topics)
                for partition in partitions_of(self._consumer, topic)
            ]
        )
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def await_different(self, count: int, within_seconds: float) -> bool:
        """Wait until so many different records have come; whether they have in time.

        Raises:
            KafkaException: the topics cannot be read any more.
        """
        return self._await(lambda: self.ledger.different >= count, within_seconds)

    def await_copies(self, count: int, within_seconds: float) -> bool:
        """Wait until so many copies have come; whether they have in time.

        Raises:
            KafkaException: the topics cannot be read any more.
        """
        return self._await(lambda: self.ledger.copies >= count, within_seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()
        if error is None and self._failure is not None:
            raise self._failure

    def _await(self, condition: Callable[[], bool], within_seconds: float) -> bool:
        deadline = time.monotonic() + within_seconds
        while not condition():
            if self._failure is not None:
                raise self._failure
            if time.monotonic() > deadline:
                return False
            self._stop.wait(TURN_SECONDS)
        return True

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._take(self._consumer.consume(READ_AT_ONCE, TURN_SECONDS))
        except BaseException as failure:  # noqa: BLE001 - kept, and raised again by whoever waits
            self._failure = failure

    def _take(self, messages: Sequence[Message]) -> None:
        now = time.monotonic()
        for message in messages:
            error = message.error()
            if error is None:
                self._note(message, now)
            elif not error.retriable() and error.code() not in PASSING:
                raise KafkaException(error)

    def _note(self, message: Message, now: float) -> None:
        partition = TopicPartition(message.topic() or "", int(message.partition() or 0))
        self.ledger.note(int(message.key() or b"-1"), partition, int(message.offset() or 0))
        if partition.topic == self._heard_topic:
            self.silences.heard(partition, now)
        complaint = self._judge(message)
        if complaint is not None:
            self.wrong += 1
            if len(self.named_wrong) < NAMED_AT_MOST:
                self.named_wrong.append(complaint)
