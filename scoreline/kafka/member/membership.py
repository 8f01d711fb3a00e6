"""Keeps book of rebalances: which partitions are ours, and which records in hand are not any more."""

from collections.abc import Sequence
from typing import cast

from confluent_kafka import OFFSET_STORED, Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.records import NextOffsets, TopicPartition
from scoreline.transport.ports import RebalanceListener


class Membership:
    """A subscription, and what its callbacks have said; they run only inside `consume`, and inside `close`.

    Args:
        consumer: is subscribed here.
        topics: to be read together.
        incremental: whether partitions change hands one by one, or all of them at once.
        silent_when_empty: the group protocol tells a member nothing when no partition is left for it (`consumer` does
            so, `classic` assigns an empty list).

    Attributes:
        assignment: partitions that are ours now; replaced whole, so it may be read from any thread.
        rebalancing: whether listeners are being told of a revocation.
    """

    def __init__(
        self, consumer: Consumer, topics: Sequence[str], *, incremental: bool, silent_when_empty: bool
    ) -> None:
        self.assignment: frozenset[TopicPartition] = frozenset()
        self.rebalancing = False
        self._consumer = consumer
        self._topics = list(topics)
        self._incremental = incremental
        self._silent_when_empty = silent_when_empty
        self._listeners: list[RebalanceListener] = []
        self._needs_evidence = silent_when_empty
        self._gone: set[TopicPartition] = set()
        self._back: set[TopicPartition] = set()
        self._left: set[TopicPartition] = set()
        self._abandoned: frozenset[TopicPartition] = frozenset()
        self._subscribe()

    def add_listener(self, listener: RebalanceListener) -> None:
        """Have a listener told of every rebalance from now on."""
        self._listeners.append(listener)

    def expect_call(self) -> None:
        """A consume is about to begin: what happened before concerns nothing that it brings."""
        self._gone.clear()
        self._back.clear()

    def hand_out(self) -> None:
        """A poll ends with records of partitions that are ours: from now on it matters who leaves."""
        self._left.clear()

    def has_stayed(self, partition: TopicPartition) -> bool:
        """Whether a partition is ours and has been so, without a break, since the last poll ended."""
        return partition in self.assignment and partition not in self._left

    def is_readable(self, partition: TopicPartition) -> bool:
        """Whether what the last consume brought of a partition is for us: ours, not given up, not gone within it."""
        return partition in self.assignment and partition not in self._gone and partition not in self._abandoned

    def owned(self) -> frozenset[TopicPartition]:
        """Partitions that are ours and not given up."""
        return self.assignment - self._abandoned

    def is_blurred(self) -> bool:
        """Whether a partition went and came back within the last consume: nothing tells its records apart then."""
        return not self._gone.isdisjoint(self._back)

    def keep_held(self, messages: list[Message]) -> list[Message]:
        """Those of an earlier consume whose partition did not go during the last one."""
        stale = self._gone | self._abandoned
        return [m for m in messages if partition_of(m) not in stale] if stale else messages

    def keep_awaited(self, messages: list[Message]) -> list[Message]:
        """Those of the last consume, where it asked for one: all that happened in it happened before the record."""
        return [m for m in messages if partition_of(m) not in self._abandoned] if self._abandoned else messages

    def join_again(self) -> None:
        """Give up every partition; all that is not committed comes again.

        Until the revocation has come, the client goes on handing out records of what was given up.
        """
        self._abandoned = self.assignment
        self._consumer.unsubscribe()
        self._subscribe()

    def restart(self, offsets: NextOffsets) -> None:
        """Have partitions of ours read from these offsets on, where the client has stopped for want of one.

        A seek is refused there, so they are assigned anew; which nobody else is told of.
        """
        if not offsets:
            return
        wanted = [ClientPartition(p.topic, p.partition, offset) for p, offset in offsets.items()]
        if self._incremental:
            try:
                self._consumer.incremental_unassign(wanted)
                self._consumer.incremental_assign(wanted)
            except KafkaException:
                self.join_again()  # half done, they would be ours and read by nobody
                raise
            return
        others = [ClientPartition(*p) for p in self.assignment if p not in offsets]
        for at in self._consumer.position(others):
            # One that was not read from yet goes on from its commit, or has its want of one told again.
            offset = at.offset if at.offset >= 0 else OFFSET_STORED
            wanted.append(ClientPartition(at.topic, at.partition, offset))
        self._consumer.assign(wanted)

    def strand(self, partition: TopicPartition, detail: str) -> None:
        """Tell listeners of a partition that cannot be read on."""
        for listener in self._listeners:
            listener.stranded(partition, detail)

    def look_for_evidence(self) -> None:
        """Tell listeners of an empty assignment, once the member has a place in the group without one."""
        if self._needs_evidence:
            generation = find_generation(self._consumer.consumer_group_metadata())
            if generation is not None and generation > 0:
                self._assigned(self._consumer, [])

    def leave(self) -> None:
        """The member counts itself out, whatever the broker thinks."""
        self.assignment = frozenset()

    def _subscribe(self) -> None:
        self._consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)

    def _assigned(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        arrived = _names_of(partitions)
        self._needs_evidence = False
        self._back |= arrived
        self.assignment |= arrived
        for listener in self._listeners:
            listener.assigned(arrived)

    def _revoked(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        leaving = _names_of(partitions)
        self.rebalancing = True
        try:
            for listener in self._listeners:
                listener.revoked(leaving)
        finally:
            self.rebalancing = False
            self._drop(leaving)

    def _lost(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        gone = _names_of(partitions)
        self._needs_evidence = self._silent_when_empty
        self._drop(gone)
        for listener in self._listeners:
            listener.lost(gone)

    def _drop(self, gone: frozenset[TopicPartition]) -> None:
        self._gone |= gone
        self._left |= gone
        self.assignment -= gone
        self._abandoned -= gone


def find_generation(metadata: bytes) -> int | None:
    """The generation or member epoch in a consumer's group metadata; None where its form is not known.

    The library offers the metadata as bytes without saying what is in them: a tag, then four bytes, little-endian.
    """
    tag = b"CGMDv2:"
    if not metadata.startswith(tag) or len(metadata) < len(tag) + 4:
        return None
    return int.from_bytes(metadata[len(tag) : len(tag) + 4], "little", signed=True)


def partition_of(message: Message) -> TopicPartition:
    """Where a record was read from; equal to a `TopicPartition`, without the cost of one."""
    return cast("TopicPartition", (message.topic(), message.partition()))


def _names_of(partitions: list[ClientPartition]) -> frozenset[TopicPartition]:
    return frozenset(TopicPartition(p.topic, p.partition) for p in partitions)
