"""Gauges of partitions, whose series go with their partition: what another member has alarms nobody here."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from prometheus_client import Gauge

from scoreline.records import TopicPartition


class PartitionGauge:
    """One gauge with the labels topic and partition; not safe between threads."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._shown: set[TopicPartition] = set()

    def set(self, partition: TopicPartition, value: float) -> None:
        """Show this value for a partition."""
        self._shown.add(partition)
        self._gauge.labels(partition.topic, partition.partition).set(value)

    def forget(self, partition: TopicPartition) -> None:
        """Show nothing for it any more."""
        if partition in self._shown:
            self._shown.remove(partition)
            self._gauge.remove(partition.topic, partition.partition)


class Lag(NamedTuple):
    """How far a partition is behind, in offsets and in seconds; None where that is not known."""

    records: int | None
    seconds: float | None


UNKNOWN_LAG = Lag(None, None)


class AssignedLags:
    """How far the partitions are behind that a member of a group has; not safe between threads.

    Args:
        records, seconds: may be shared with members of other groups, whose partitions are of other topics.
    """

    def __init__(self, records: PartitionGauge, seconds: PartitionGauge) -> None:
        self._records = records
        self._seconds = seconds
        self._assigned: dict[TopicPartition, Lag] = {}

    def __len__(self) -> int:
        return len(self._assigned)

    def add(self, partitions: Collection[TopicPartition]) -> None:
        """More partitions are the member's."""
        for partition in partitions:
            self._assigned.setdefault(partition, UNKNOWN_LAG)

    def remove(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions go to another member, and what only they have goes from the exposition."""
        for partition in partitions:
            self._records.forget(partition)
            self._seconds.forget(partition)
            self._assigned.pop(partition, None)

    def show(self, partition: TopicPartition, records: int, seconds: float | None) -> None:
        """Say how far an assigned partition is behind; of any other partition nothing is shown."""
        if partition not in self._assigned:
            return
        self._assigned[partition] = Lag(records, seconds)
        self._records.set(partition, records)
        if seconds is None:
            self._seconds.forget(partition)
        else:
            self._seconds.set(partition, seconds)

    def read(self) -> Mapping[TopicPartition, Lag]:
        """What was said last of each assigned partition."""
        return dict(self._assigned)
