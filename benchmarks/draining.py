"""How fast a process drains a backlog, seen from outside, so that the same is measured of every process.

What has come out is the sum of the ends of the topics written to, which never asks the process itself; what is done is
what its consumer group has committed.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from confluent_kafka import Consumer, TopicPartition

from benchmarks.usage import cpu_seconds, thread_seconds
from scoreline.testing.consume import partitions_of

LOOK_AGAIN_SECONDS = 0.02
ANSWER_SECONDS = 30.0


class Draining(Protocol):
    """A process that works; `ServiceProcess` is one."""

    @property
    def pid(self) -> int: ...

    @property
    def running(self) -> bool: ...

    def last_words(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Drained:
    """From the first record to the last.

    Attributes:
        cpu_seconds: of the process with all its threads.
        busiest_seconds: CPU time of the thread that used most.
    """

    records: int
    cpu_seconds: float
    wall_seconds: float
    busiest_seconds: float

    @property
    def per_cpu_second(self) -> float:
        return self.records / self.cpu_seconds

    @property
    def per_second(self) -> float:
        return self.records / self.wall_seconds

    @property
    def busiest_share(self) -> float:
        return self.busiest_seconds / self.wall_seconds


class Position:
    """How far a consumer group has come.

    Args:
        written: topics that it writes to, outputs and dead letters.
    """

    def __init__(self, bootstrap_servers: str, group_id: str, input_topic: str, written: Sequence[str]) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": group_id,
                "enable.auto.commit": False,
                "isolation.level": "read_uncommitted",  # else the end of a topic is that of its last transaction
            }
        )
        self._inputs = [TopicPartition(input_topic, p) for p in partitions_of(self._consumer, input_topic)]
        self._written = [TopicPartition(t, p) for t in written for p in partitions_of(self._consumer, t)]

    def read_written(self) -> int:
        """Records on the topics written to, a marker for each partition of each transaction among them."""
        return sum(self._consumer.get_watermark_offsets(p, timeout=ANSWER_SECONDS)[1] for p in self._written)

    def read_committed(self) -> int:
        """Records of the input that are done."""
        found = self._consumer.committed(self._inputs, timeout=ANSWER_SECONDS)
        return sum(max(0, p.offset) for p in found)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()


def watch_drain(
    process: Draining, position: Position, backlog: int, *, transactional: bool, within_seconds: float = 600.0
) -> Drained:
    """Wait for the first record and the last, and say what lay between them.

    Args:
        transactional: then the last is known by what is committed, because markers lie among what is written.

    Raises:
        AssertionError: the process has ended, or is not done in time.
    """
    deadline = time.monotonic() + within_seconds

    def look() -> None:
        assert process.running, process.last_words()
        assert time.monotonic() < deadline, f"not drained within {within_seconds} s: {process.last_words()}"
        time.sleep(LOOK_AGAIN_SECONDS)

    while not (before := position.read_written()):
        look()
    cpu, threads, began = cpu_seconds(process.pid), thread_seconds(process.pid), time.monotonic()
    read_done = position.read_committed if transactional else position.read_written
    while read_done() < backlog:
        look()
    took = time.monotonic() - began
    spent = {thread: seconds - threads.get(thread, 0.0) for thread, seconds in thread_seconds(process.pid).items()}
    return Drained(backlog - before, cpu_seconds(process.pid) - cpu, took, max(spent.values()))
