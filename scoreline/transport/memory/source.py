"""A member of an in-memory consumer group."""

from collections import deque
from collections.abc import Mapping, Sequence

from scoreline.records import NextOffsets, TopicPartition
from scoreline.transport.memory.broker import MemoryBroker
from scoreline.transport.memory.starts import find_starts
from scoreline.transport.ports import ClientObserver, GroupMetadata, RebalanceListener
from scoreline.transport.record import StoredRecord


class MemorySource:
    """Implements `scoreline.transport.ports.Source`, reading committed records.

    A poll consumes as Kafka's does: what is there; else one record that is waited for, and then what came with it.
    Every consume first takes the answers to commits, then what the group has decided, then records.

    Args:
        member: its name in the group; a member that was expired joins again under it.
        policy: where a partition without a commit begins: `earliest`, `latest` or `error`.
    """

    def __init__(
        self,
        broker: MemoryBroker,
        group_id: str,
        topics: Sequence[str],
        *,
        member: str = "member",
        policy: str = "earliest",
        observer: ClientObserver | None = None,
    ) -> None:
        self._broker = broker
        self._group = broker.group(group_id)
        self._topics = tuple(topics)
        self._member = member
        self._policy = policy
        self._observer = observer
        self._listeners: list[RebalanceListener] = []
        self._positions: dict[TopicPartition, int] = {}
        self._unknown: set[TopicPartition] = set()
        self._stranded: set[TopicPartition] = set()
        self._ends: dict[TopicPartition, int] = {}
        self._left: set[TopicPartition] = set()
        self._gone: set[TopicPartition] = set()
        self._unanswered: deque[tuple[NextOffsets, str | None]] = deque()
        self._refused: dict[TopicPartition, int] = {}
        with broker.changed:
            self._group.join(member, self._topics)

    def poll(self, max_records: int, max_bytes: int, timeout_seconds: float) -> Sequence[StoredRecord]:
        """What is there, at once; waits only when nothing is, and only on a broker that blocks."""
        records = self._consume(max_records, max_bytes)
        if not records and self._broker.wait(timeout_seconds):
            records = self._consume(1, max_bytes)
            left = max_bytes - sum(map(_size_of, records))
            if records and max_records > 1 and left > 0:
                more = self._consume(max_records - 1, left)
                records = [*self._keep_ours(records), *more]
        self._left.clear()
        return records

    def keep_alive(self) -> None:
        """Follow the group; records wait."""
        self._broker.request("keep_alive")
        self._follow_group()

    def group_metadata(self) -> GroupMetadata:
        """The member and the generation that it knows of: after a heartbeat, the worst that can be in between."""
        with self._broker.changed:
            self._group.beat(self._member)
            return self._group.metadata(self._member)

    def commit(self, next_offsets: NextOffsets, *, wait: bool) -> None:
        """Commit; the answer to one that is not waited for comes with a later poll."""
        if not next_offsets:
            return
        self._broker.request("commit_offsets")
        with self._broker.changed:
            metadata = self._group.metadata(self._member)
            answer = (dict(next_offsets), self._group.commit(metadata, next_offsets))
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
        """Make the next poll return these offsets again, of the partitions that have been ours since the last poll."""
        for partition, offset in next_offsets.items():
            if partition in self._positions and partition not in self._left:
                self._positions[partition] = offset
                self._ends.pop(partition, None)

    def progress(self) -> NextOffsets:
        """Ends that were reached: the last stable offsets of their time."""
        return dict(self._ends)

    def lags(self) -> Mapping[TopicPartition, int]:
        """Offsets between the position and the end of each partition of ours that has a position."""
        with self._broker.changed:
            return {p: max(0, self._broker.log(p).end - position) for p, position in self._positions.items()}

    def assignment(self) -> frozenset[TopicPartition]:
        """Partitions that are ours now."""
        return frozenset((*self._positions, *self._unknown, *self._stranded))

    def add_listener(self, listener: RebalanceListener) -> None:
        """Have a listener told of every rebalance from now on."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Leave the group at once; listeners are told of the revocation."""
        self._broker.request("leave")
        if self._group.has(self._member):
            self._give_up(self.assignment())
            with self._broker.changed:
                self._group.leave(self._member)
                self._broker.changed.notify_all()

    def _consume(self, max_records: int, max_bytes: int) -> list[StoredRecord]:
        self._broker.request("consume")
        self._gone.clear()
        self._follow_group()
        self._settle_starts()
        with self._broker.changed:
            return self._take(max_records, max_bytes)

    def _keep_ours(self, records: list[StoredRecord]) -> list[StoredRecord]:
        """Those whose partition did not go during the last consume."""
        return [r for r in records if TopicPartition(r.topic_, r.partition_) not in self._gone]

    def _follow_group(self) -> None:
        while self._unanswered and not self._group.hold_answers:
            self._take_answer(*self._unanswered.popleft())
        if not self._group.has(self._member):
            lost = self.assignment()
            self._drop(lost)
            for listener in self._listeners:
                listener.lost(lost)
            with self._broker.changed:
                self._group.join(self._member, self._topics)
        with self._broker.changed:
            leaving = self._group.leaving(self._member)
        if leaving:
            self._give_up(leaving)
        with self._broker.changed:
            arriving = self._group.arriving(self._member)
        if arriving is not None:
            self._unknown |= arriving
            for listener in self._listeners:
                listener.assigned(arriving)

    def _settle_starts(self) -> None:
        if not self._unknown:
            return
        with self._broker.changed:
            starts = find_starts(self._broker, self._group, self._unknown, self._policy)
        self._unknown -= starts.keys()
        for partition, start in starts.items():
            if start.offset is not None:
                self._positions[partition] = start.offset
                continue
            self._stranded.add(partition)
            for listener in self._listeners:
                listener.stranded(partition, start.detail)

    def _give_up(self, partitions: frozenset[TopicPartition]) -> None:
        for listener in self._listeners:
            listener.revoked(partitions)
        self._drop(partitions)
        with self._broker.changed:
            self._group.release(self._member, partitions)

    def _drop(self, partitions: frozenset[TopicPartition]) -> None:
        self._left |= partitions
        self._gone |= partitions
        self._unknown -= partitions
        self._stranded -= partitions
        for partition in partitions:
            self._positions.pop(partition, None)
            self._ends.pop(partition, None)

    def _take(self, max_records: int, max_bytes: int) -> list[StoredRecord]:
        taken: list[StoredRecord] = []
        size = 0
        # The partition that has waited longest comes first: the dictionary's order is the turn.
        for partition, position in list(self._positions.items()):
            log = self._broker.log(partition)
            if len(taken) == max_records:
                break
            if not log.low <= position <= log.end:
                del self._positions[partition]
                self._unknown.add(partition)
                continue
            fetched = log.fetch(position, max_records - len(taken))
            for record in fetched.records:
                size += _size_of(record)
                if taken and size > max_bytes:
                    return taken
                taken.append(record)
                del self._positions[partition]
                self._positions[partition] = record.offset_ + 1
            self._positions[partition] = fetched.next_offset
            if fetched.next_offset == log.last_stable:
                self._ends[partition] = fetched.next_offset
        return taken

    def _take_answer(self, next_offsets: NextOffsets, error: str | None) -> None:
        for partition, offset in next_offsets.items():
            self._refused.pop(partition, None)
            if error is not None:
                self._refused[partition] = offset
        if self._observer is not None:
            self._observer.commit_answered(next_offsets, error)


def _size_of(record: StoredRecord) -> int:
    return len(record.key_ or b"") + len(record.value_ or b"")
