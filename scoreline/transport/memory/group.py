"""One consumer group in memory: who is in it, who owns which partition, what is committed."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from scoreline.records import NextOffsets, TopicPartition
from scoreline.transport.ports import GroupMetadata


class GroupProtocol(StrEnum):
    """How partitions change hands."""

    EAGER = "eager"  # everybody gives up everything, then all is shared out anew
    COOPERATIVE = "cooperative"  # only what moves is given up


class MemoryGroup:
    """Members, generations, ownership and committed offsets.

    The group only decides; members learn of it in their own polls, through `leaving` and `arriving`. A partition has
    one owner at most: it arrives at its new member only after the old one has released it, or was expired.

    Attributes:
        generation: counts rebalances.
        committed: next offset by partition.
        refusals: names of the errors with which the next commits are refused, one each.
        hold_answers: while true, answers to commits without waiting are kept back.
    """

    def __init__(self, protocol: GroupProtocol, partitions_of: Callable[[str], Iterable[TopicPartition]]) -> None:
        self.generation = 0
        self.committed: dict[TopicPartition, int] = {}
        self.refusals: deque[str] = deque()
        self.hold_answers = False
        self._protocol = protocol
        self._partitions_of = partitions_of
        self._subscriptions: dict[str, Sequence[str]] = {}
        self._owners: dict[TopicPartition, str] = {}
        self._targets: dict[str, frozenset[TopicPartition]] = {}
        self._joined: dict[str, int] = {}
        self._told: dict[str, int] = {}

    def join(self, member: str, topics: Sequence[str]) -> None:
        """Add a member, which starts a rebalance."""
        self._subscriptions[member] = topics
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

    def leaving(self, member: str) -> frozenset[TopicPartition]:
        """What the member has to give up now."""
        owned = self.owned(member)
        if self._protocol is GroupProtocol.COOPERATIVE:
            self._joined[member] = self.generation
            return owned - self._targets[member]
        behind = self._joined.get(member) != self.generation
        self._joined[member] = self.generation
        return owned if behind else frozenset()

    def release(self, member: str, partitions: Iterable[TopicPartition]) -> None:
        """The member has given these up."""
        for partition in partitions:
            if self._owners.get(partition) == member:
                del self._owners[partition]

    def arriving(self, member: str) -> frozenset[TopicPartition] | None:
        """What the member gets now, which it owns from then on; None while there is no news for it."""
        if self._protocol is GroupProtocol.EAGER and any(
            self._joined.get(m) != self.generation for m in self._subscriptions
        ):
            return None
        free = frozenset(p for p in self._targets[member] if p not in self._owners)
        if not free and self._told.get(member) == self.generation:
            return None
        self._told[member] = self.generation
        self._owners.update(dict.fromkeys(free, member))
        return free

    def metadata(self, member: str) -> GroupMetadata:
        """Under which generation the member is, as far as it knows."""
        return GroupMetadata(f"{member}/{self._joined.get(member, 0)}".encode())

    def commit(self, member: str, next_offsets: NextOffsets) -> str | None:
        """Commit, or say with which error it is refused."""
        if self.refusals:
            return self.refusals.popleft()
        if member not in self._subscriptions:
            return "UNKNOWN_MEMBER_ID"
        if any(self._owners.get(p) != member for p in next_offsets):
            return "ILLEGAL_GENERATION"
        self.committed.update(next_offsets)
        return None

    def _rebalance(self) -> None:
        """Share the partitions of each topic out among its members, in turn, by name."""
        self.generation += 1
        shares: dict[str, set[TopicPartition]] = {member: set() for member in self._subscriptions}
        topics = sorted({topic for topics in self._subscriptions.values() for topic in topics})
        for topic in topics:
            readers = sorted(m for m, subscribed in self._subscriptions.items() if topic in subscribed)
            for turn, partition in enumerate(self._partitions_of(topic)):
                shares[readers[turn % len(readers)]].add(partition)
        self._targets = {member: frozenset(share) for member, share in shares.items()}
