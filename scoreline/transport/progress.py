"""Finds positions that have moved on without a record, so that they are committed like the others, and once."""

from collections.abc import Collection

from scoreline.records import NextOffsets, TopicPartition
from scoreline.transport.ports import Source


class Progress:
    """What of a source's progress its delivery has not seen to yet."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._settled: dict[TopicPartition, int] = {}
        self._unfinished: set[TopicPartition] = set()

    def find_news(self) -> NextOffsets:
        """Positions beyond everything that was settled; only to be asked when nothing is in hand."""
        return {
            p: offset
            for p, offset in self._source.progress().items()
            if offset > self._settled.get(p, -1) and p not in self._unfinished
        }

    def expect(self, next_offsets: NextOffsets) -> None:
        """Records before these are being finished: until they are settled, no position beyond them is news."""
        self._unfinished |= next_offsets.keys()

    def settle(self, next_offsets: NextOffsets) -> None:
        """These are committed, or will be."""
        self._settled.update(next_offsets)
        self._unfinished -= next_offsets.keys()

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """These have changed hands: what was settled before says nothing."""
        self._unfinished.difference_update(partitions)
        for partition in partitions:
            self._settled.pop(partition, None)
