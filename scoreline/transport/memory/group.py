"""One consumer group in memory: who is in it, who owns which partition, what is committed."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from scoreline.records import NextOffsets, TopicPartition
from scoreline.transport.memory.transaction import Outcome, Transaction
from scoreline.transport.ports import GroupMetadata


class GroupProtocol(StrEnum):
    """How partitions change hands."""

    EAGER = "eager"  # everybody gives up everything, then all is shared out anew
    COOPERATIVE = "cooperative"  # only what moves is given up


class MemoryGroup:
    """Members, generations, ownership and committed offsets.

    The group only decides; members learn of it in their own polls, through `leaving` and `arriving`. A partition has
    one owner at most: it arrives at its new member only after the old one has released it, or was expired. Commits are
    judged as Kafka judges them: by member and generation, whoever owns the partitions.

    Attributes:
        generation: counts rebalances.
        committed: next offset by partition.
        refusals: names of the errors with which the next commits are refused, one each.
        hold_answers: while true, answers to commits without waiting are kept back.
        witness: told of offsets just before they become visible.
    """

    def __init__(self, protocol: GroupProtocol, partitions_of: Callable[[str], Iterable[TopicPartition]]) -> None:
        self.generation = 0
        self.committed: dict[TopicPartition, int] = {}
        self.refusals: deque[str] = deque()
        self.hold_answers = False
        self.witness: Callable[[NextOffsets], None] | None = None
        self._protocol = protocol
        self._partitions_of = partitions_of
        self._subscriptions: dict[str, Sequence[str]] = {}
        self._owners: dict[TopicPartition, str] = {}
        self._targets: dict[str, frozenset[TopicPartition]] = {}
        self._joined: dict[str, int] = {}
        self._known: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._agreed = 0
        self._pending: dict[Transaction, dict[TopicPartition, int]] = {}

    def join(self, member: str, topics: Sequence[str]) -> None:
        """Add a member, which starts a rebalance."""
        self._subscriptions[member] = topics
        self._known[member] = 0
        self._joined.pop(member, None)
        self._rebalance()

    def leave(self, member: str) -> None:
        """Remove a member and what it owns, which starts a rebalance."""
        if member in self._subscriptions:
            del self._subscriptions[member]
            self.release(member, self.owned(member))
            self._rebalance()

    expire = leave
    """The session of a member that was not heard of has timed out; it learns of it in its next poll."""

    def has(self, member: str) -> bool:
        """Whether the group still counts on this member."""
        return member in self._subscriptions

    def owned(self, member: str) -> frozenset[TopicPartition]:
        """What the member owns now."""
        return frozenset(p for p, owner in self._owners.items() if owner == member)

    def beat(self, member: str) -> None:
        """A heartbeat: a member that need not give up anything first has joined the new generation with it."""
        if self._protocol is GroupProtocol.COOPERATIVE and member in self._subscriptions:
            self._joined[member] = self._known[member] = self.generation

    def leaving(self, member: str) -> frozenset[TopicPartition]:
        """What the member has to give up now."""
        self.beat(member)
        if self._protocol is GroupProtocol.COOPERATIVE:
            return self.owned(member) - self._targets.get(member, frozenset())
        return self.owned(member) if self._joined.get(member) != self.generation else frozenset()

    def release(self, member: str, partitions: Iterable[TopicPartition]) -> None:
        """The member has given these up."""
        for partition in partitions:
            if self._owners.get(partition) == member:
                del self._owners[partition]

    def arriving(self, member: str) -> frozenset[TopicPartition] | None:
        """What the member gets now, which it owns from then on; None while there is no news for it."""
        if member not in self._subscriptions or self.leaving(member):
            return None
        self._joined[member] = self.generation
        self._agree()
        if self._agreed != self.generation:
            return None
        self._known[member] = self.generation
        free = frozenset(p for p in self._targets[member] if p not in self._owners)
        if not free and self._told.get(member) == self.generation:
            return None
        self._told[member] = self.generation
        self._owners.update(dict.fromkeys(free, member))
        return free

    def metadata(self, member: str) -> GroupMetadata:
        """Under which generation the member is, as far as it knows."""
        return GroupMetadata(f"{member}/{self._known.get(member, 0)}".encode())

    def commit(self, metadata: GroupMetadata, next_offsets: NextOffsets) -> str | None:
        """Commit, or say with which error it is refused."""
        if self.refusals:
            return self.refusals.popleft()
        refusal = self._judge(metadata)
        if refusal is None:
            self._publish(next_offsets)
        return refusal

    def begin(self, partition: TopicPartition, offset: int) -> None:
        """Commit where a partition without a commit begins."""
        self.committed[partition] = offset

    def commit_with(self, transaction: Transaction, metadata: GroupMetadata, next_offsets: NextOffsets) -> str | None:
        """Make offsets part of a transaction, or say with which error that is refused."""
        refusal = self._judge(metadata)
        if refusal is None:
            if transaction not in self._pending:
                self._pending[transaction] = {}
                transaction.on_end(self._settle)
            self._pending[transaction].update(next_offsets)
        return refusal

    def is_pending(self, partition: TopicPartition) -> bool:
        """Whether offsets of this partition are part of a transaction that has not ended."""
        return any(partition in offsets for offsets in self._pending.values())

    def _settle(self, transaction: Transaction) -> None:
        offsets = self._pending.pop(transaction)
        if transaction.outcome is Outcome.COMMITTED:
            self._publish(offsets)

    def _publish(self, next_offsets: NextOffsets) -> None:
        if self.witness is not None:
            self.witness(next_offsets)
        self.committed.update(next_offsets)

    def _judge(self, metadata: GroupMetadata) -> str | None:
        member, _, generation = metadata.decode().rpartition("/")
        if member not in self._subscriptions:
            return "UNKNOWN_MEMBER_ID"
        return None if int(generation) == self._agreed else "ILLEGAL_GENERATION"

    def _agree(self) -> None:
        """The broker goes on to the new generation: at once, or when everybody has given up and joined."""
        eager = self._protocol is GroupProtocol.EAGER
        if not eager or all(self._joined.get(m) == self.generation for m in self._subscriptions):
            self._agreed = self.generation

    def _rebalance(self) -> None:
        """Share the partitions of each topic out among its members, in turn, by name."""
        self.generation += 1
        self._agree()
        shares: dict[str, set[TopicPartition]] = {member: set() for member in self._subscriptions}
        topics = sorted({topic for topics in self._subscriptions.values() for topic in topics})
        for topic in topics:
            readers = sorted(m for m, subscribed in self._subscriptions.items() if topic in subscribed)
            for turn, partition in enumerate(self._partitions_of(topic)):
                shares[readers[turn % len(readers)]].add(partition)
        self._targets = {member: frozenset(share) for member, share in shares.items()}
