"""Knows how far each range was handed out, and when nothing more comes of it."""

from collections.abc import Mapping, Sequence

from confluent_kafka import Message

from scoreline.kafka.member.membership import partition_of
from scoreline.records import NextOffsets, TopicPartition
from scoreline.transport.ranges import OffsetRange


class RangePositions:
    """The offset that is handed out next of each range; nothing is known before `begin`."""

    def __init__(self, ranges: Mapping[TopicPartition, OffsetRange]) -> None:
        self._ranges = ranges
        self._next: dict[TopicPartition, int] = {}
        self._read_through: set[TopicPartition] = set()

    def begin(self, committed: NextOffsets) -> None:
        """All ranges begin where their group has committed."""
        self._next = {p: self._ranges[p].clamp(offset) for p, offset in committed.items()}

    @property
    def are_known(self) -> bool:
        """Whether it has begun."""
        return bool(self._next)

    def find(self, partition: TopicPartition) -> int | None:
        """The offset that is handed out next."""
        return self._next.get(partition)

    def find_unfinished(self) -> dict[TopicPartition, int]:
        """What is handed out next of the ranges of which there is more."""
        return {p: offset for p, offset in self._next.items() if offset < self._ranges[p].end}

    def find_finished(self) -> dict[TopicPartition, int]:
        """The ends of the ranges of which everything was handed out."""
        return {p: offset for p, offset in self._next.items() if offset >= self._ranges[p].end}

    def count_left(self) -> dict[TopicPartition, int]:
        """Offsets between what was handed out and the end of each range."""
        return {p: self._ranges[p].end - offset for p, offset in self._next.items()}

    def holds(self, partition: TopicPartition, offset: int) -> bool:
        """Whether an offset lies before the end of its range."""
        return offset < self._ranges[partition].end

    def is_read_through(self, partition: TopicPartition) -> bool:
        """Whether nothing more of a range is to be fetched."""
        return partition in self._read_through

    def read_through(self, partition: TopicPartition) -> bool:
        """Nothing more comes of a range, though some of it may still be held back; whether that is news."""
        is_news = partition not in self._read_through
        self._read_through.add(partition)
        return is_news

    def advance(self, messages: Sequence[Message], held: Sequence[Message]) -> None:
        """These were handed out; a range that was read through and has nothing held back is at its end."""
        for message in messages:
            self._next[partition_of(message)] = int(message.offset() or 0) + 1
        waiting = {partition_of(m) for m in held}
        self._next.update({p: self._ranges[p].end for p in self._read_through - waiting})

    def rewind(self, next_offsets: NextOffsets) -> None:
        """Hand these out again; whatever is unfinished is fetched anew."""
        self._next.update(next_offsets)
        self._read_through.difference_update(self.find_unfinished())
