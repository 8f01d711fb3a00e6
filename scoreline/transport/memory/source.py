"""A member of an in-memory consumer group."""

from collections import deque
from collections.abc import Mapping, Sequence

from scoreline.records import NextOffsets, Record, TopicPartition
from scoreline.transport.memory.broker import MemoryBroker
from scoreline.transport.ports import ClientObserver, GroupMetadata, RebalanceListener
from scoreline.transport.record import StoredRecord


class MemorySource:
    """Implements `scoreline.transport.ports.Source`.

    Every poll first takes the answers to commits, then what the group has decided, then records.

    Args:
        member: its name in the group; a member that was expired joins again under it.
    """

    def __init__(
        self,
        broker: MemoryBroker,
        group_id: str,
        topics: Sequence[str],
        *,
        member: str = "member",
        observer: ClientObserver | None = None,
    ) -> None:
        self._broker = broker
        self._group = broker.group(group_id)
        self._topics = tuple(topics)
        self._member = member
        self._observer = observer
        self._listeners: list[RebalanceListener] = []
        self._positions: dict[TopicPartition, int] = {}
        self._left: set[TopicPartition] = set()
        self._unanswered: deque[tuple[NextOffsets, str | None]] = deque()
        self._refused: dict[TopicPartition, int] = {}
        with broker.changed:
            self._group.join(member, self._topics)

    def poll(self, max_records: int, max_bytes: int, timeout_seconds: float) -> Sequence[Record]:
        """What is there, at once; waits only when nothing is, and only on a broker that blocks."""
        self._left.clear()
        records = self._poll_once(max_records, max_bytes)
        if not records and self._broker.wait(timeout_seconds):
            records = self._poll_once(max_records, max_bytes)
        return records

    def keep_alive(self) -> None:
        """Follow the group; records wait."""
        with self._broker.changed:
            self._take_answers()
            self._follow_group()

    def group_metadata(self) -> GroupMetadata:
        """The member and the generation that it knows of."""
        return self._group.metadata(self._member)

    def commit(self, next_offsets: NextOffsets, *, wait: bool) -> None:
        """Commit; the answer to one that is not waited for comes with a later poll."""
        if not next_offsets:
            return
        with self._broker.changed:
            answer = (dict(next_offsets), self._group.commit(self._member, next_offsets))
            if wait:
                self._take_answer(*answer)
            else:
                self._unanswered.append(answer)

    def commit_in_flight(self) -> bool:
        """Whether the answer to a commit without waiting is still to come."""
        return bool(self._unanswered)

    def take_refused(self) -> NextOffsets:
        """What was refused since the last call, of partitions that are still ours."""
        refused, self._refused = self._refused, {}
        return {p: offset for p, offset in refused.items() if p in self._positions}

    def rewind(self, next_offsets: NextOffsets) -> None:
        """Make the next poll return these offsets again, of the partitions that are still ours."""
        stayed = self._positions.keys() - self._left
        self._positions.update({p: offset for p, offset in next_offsets.items() if p in stayed})

    def progress(self) -> NextOffsets:
        """Positions that are at the end of their partition."""
        with self._broker.changed:
            return {p: position for p, position in self._positions.items() if position == self._broker.end_of(p)}

    def lags(self) -> Mapping[TopicPartition, int]:
        """Records between the position and the end of each partition of ours."""
        with self._broker.changed:
            return {p: self._broker.end_of(p) - position for p, position in self._positions.items()}

    def assignment(self) -> frozenset[TopicPartition]:
        """Partitions that are ours now."""
        return frozenset(self._positions)

    def add_listener(self, listener: RebalanceListener) -> None:
        """Have a listener told of every rebalance from now on."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Leave the group at once; listeners are told of the revocation."""
        with self._broker.changed:
            if self._group.has(self._member):
                self._give_up(self.assignment())
                self._group.leave(self._member)
                self._broker.changed.notify_all()

    def _poll_once(self, max_records: int, max_bytes: int) -> list[StoredRecord]:
        with self._broker.changed:
            self._take_answers()
            self._follow_group()
            return self._take(max_records, max_bytes)

    def _follow_group(self) -> None:
        if not self._group.has(self._member):
            lost = self.assignment()
            self._left |= lost
            self._positions.clear()
            for listener in self._listeners:
                listener.lost(lost)
            self._group.join(self._member, self._topics)
        leaving = self._group.leaving(self._member)
        if leaving:
            self._give_up(leaving)
        arriving = self._group.arriving(self._member)
        if arriving is not None:
            self._positions.update({p: self._group.committed.get(p, 0) for p in sorted(arriving)})
            for listener in self._listeners:
                listener.assigned(arriving)

    def _take_answers(self) -> None:
        while self._unanswered and not self._group.hold_answers:
            self._take_answer(*self._unanswered.popleft())

    def _give_up(self, partitions: frozenset[TopicPartition]) -> None:
        self._left |= partitions
        for listener in self._listeners:
            listener.revoked(partitions)
        for partition in partitions:
            self._positions.pop(partition, None)
        self._group.release(self._member, partitions)

    def _take(self, max_records: int, max_bytes: int) -> list[StoredRecord]:
        taken: list[StoredRecord] = []
        size = 0
        # The partition that has waited longest comes first: the dictionary's order is the turn.
        for partition in list(self._positions):
            for record in self._broker.fetch(partition, self._positions[partition], max_records - len(taken)):
                size += len(record.key_ or b"") + len(record.value_ or b"")
                if taken and size > max_bytes:
                    return taken
                taken.append(record)
                self._positions.pop(partition)
                self._positions[partition] = record.offset_ + 1
        return taken

    def _take_answer(self, next_offsets: NextOffsets, error: str | None) -> None:
        for partition, offset in next_offsets.items():
            self._refused.pop(partition, None)
            if error is not None:
                self._refused[partition] = offset
        if self._observer is not None:
            self._observer.commit_answered(next_offsets, error)
