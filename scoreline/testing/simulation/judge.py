"""Knows every record that went in and came out, and says what is wrong: at every commit, and at the end."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from scoreline.records import Headers, NextOffsets, TopicPartition
from scoreline.transport.memory import GroupProtocol, MemoryBroker, Outcome, Transaction
from scoreline.transport.record import StoredRecord

INPUT, OUTPUT, LETTERS = "features", "predictions", "dead-letters"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One record that was stored.

    Attributes:
        transaction: that it is part of.
    """

    value: bytes
    transaction: Transaction | None

    @property
    def counts(self) -> bool:
        """Whether a reader of committed records may count on it."""
        return self.transaction is None or self.transaction.outcome is Outcome.COMMITTED


class WatchedBroker(MemoryBroker):
    """Remembers what it was given: inputs by their place, outputs by their value, which is their input's."""

    def __init__(
        self, *, protocol: GroupProtocol, on_request: Callable[[str], None], wait: Callable[[float], None]
    ) -> None:
        super().__init__(protocol=protocol, on_request=on_request)
        self.inputs: dict[TopicPartition, dict[int, Sighting]] = {}
        self.outputs: dict[bytes, list[Sighting]] = {}
        self._wait = wait

    def append(
        self,
        topic: str,
        value: bytes | None,
        *,
        partition: int = 0,
        key: bytes | None = None,
        headers: Headers | None = None,
        timestamp_ms: int = 0,
        transaction: Transaction | None = None,
    ) -> int:
        """Put a record at the end of a partition; returns its offset."""
        offset = super().append(
            topic,
            value,
            partition=partition,
            key=key,
            headers=headers,
            timestamp_ms=timestamp_ms,
            transaction=transaction,
        )
        sighting = Sighting((value or b"").rstrip(), transaction)
        if topic == INPUT:
            self.inputs.setdefault(TopicPartition(topic, partition), {})[offset] = sighting
        else:
            self.outputs.setdefault(sighting.value, []).append(sighting)
        return offset

    def wait(self, timeout_seconds: float) -> bool:
        """Somebody waits; things may have changed afterwards."""
        self._wait(timeout_seconds)
        return True


class Judge:
    """Finds what may never happen.

    Args:
        exactly_once: whether doubles are forbidden, too.
        fail: told of what is wrong.
    """

    def __init__(
        self, broker: WatchedBroker, group_id: str, *, exactly_once: bool, fail: Callable[[str], None]
    ) -> None:
        self._broker = broker
        self._group = broker.group(group_id)
        self._group.witness = self.look_at_commit
        self._exactly_once = exactly_once
        self._fail = fail
        self._checked: dict[TopicPartition, int] = {}

    def look_at_commit(self, next_offsets: NextOffsets) -> None:
        """No offset may become visible before everything up to it is out, nor overwrite a later one."""
        for partition, next_offset in next_offsets.items():
            before = self._group.committed.get(partition, 0)
            if next_offset < before:
                self._fail(f"the commit of {partition} went back from {before} to {next_offset}")
            elif next_offset > self._broker.log(partition).last_stable:
                self._fail(f"{next_offset} of {partition} was committed, beyond what a reader can have read")
            inputs = self._broker.inputs.get(partition, {})
            for offset in range(self._checked.get(partition, 0), next_offset):
                sighting = inputs.get(offset)
                if sighting is not None and sighting.counts and not self._is_out(sighting.value):
                    self._fail(f"{next_offset} of {partition} was committed, and {sighting.value!r} at {offset} lost")
            self._checked[partition] = max(next_offset, self._checked.get(partition, 0))

    def is_drained(self) -> bool:
        """Whether the group has committed everything up to the end of every partition."""
        return all(self._group.committed.get(p) == self._broker.log(p).end for p in self._broker.partitions_of(INPUT))

    def look_at_end(self) -> None:
        """Everything came out, in order; exactly once, if that was promised."""
        expected = [s.value for inputs in self._broker.inputs.values() for s in inputs.values() if s.counts]
        found = self._read()
        counts = Counter(r.value_.rstrip() for records in found.values() for r in records if r.value_ is not None)
        lost = [value for value in expected if not counts[value]]
        doubled = [value for value, count in counts.items() if count > 1]
        invented = counts.keys() - set(expected)
        if lost:
            self._fail(f"lost: {lost}")
        elif invented:
            self._fail(f"came out and should not: {sorted(invented)}")
        elif doubled and self._exactly_once:
            self._fail(f"came out more than once: {sorted(doubled)}")
        elif not self.is_drained():
            self._fail(f"the position was not committed to the end: {self._group.committed}")
        for partition, records in found.items():
            self._look_at_order(partition, records)

    def _look_at_order(self, partition: TopicPartition, records: list[StoredRecord]) -> None:
        inputs = self._broker.inputs.get(TopicPartition(INPUT, partition.partition), {})
        offsets = {sighting.value: offset for offset, sighting in inputs.items()}
        values = [(r.value_ or b"").rstrip() for r in records]
        misplaced = [v for v in values if v not in offsets or is_dead(v) != (partition.topic == LETTERS)]
        if misplaced:
            self._fail(f"{misplaced} lie in {partition}")
            return
        # At least once, the neighbours of a record that is too large are out before it is found.
        ordered = [v for v in values if self._exactly_once or not v.startswith(b"large")]
        first = list(dict.fromkeys(offsets[v] for v in ordered))
        if first != sorted(first):
            self._fail(f"out of order in {partition}: {first}")

    def _read(self) -> dict[TopicPartition, list[StoredRecord]]:
        partitions = [p for topic in (OUTPUT, LETTERS) for p in self._broker.partitions_of(topic)]
        return {p: self._broker.log(p).read(committed_only=True) for p in partitions}

    def _is_out(self, value: bytes) -> bool:
        return any(sighting.counts for sighting in self._broker.outputs.get(value, ()))


def is_dead(value: bytes) -> bool:
    """Whether a record of this value is to become a dead letter."""
    return not value.startswith(b"good")
