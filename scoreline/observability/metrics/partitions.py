"""Gauges of partitions, whose series go with their partition: what another member has alarms nobody here."""

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
