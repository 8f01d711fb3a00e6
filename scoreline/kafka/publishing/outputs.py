"""Hands predictions and dead letters to a producer, each to the partition that its source's number gives."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from typing import Any

from confluent_kafka import KafkaException, Producer

from scoreline.dead_letters import dead_letter_headers
from scoreline.kafka.publishing.destinations import Destinations
from scoreline.kafka.publishing.producing import Insist
from scoreline.records import Clock, DeadLetter, Outputs, caller_headers
from scoreline.transport.outgoing import prediction_headers


class OutputWriter:
    """Knows where outputs and dead letters go, and which headers they carry.

    Args:
        wall_clock: seconds since the epoch.
    """

    def __init__(self, destinations: Destinations, *, wall_clock: Clock) -> None:
        self._destinations = destinations
        self._wall_clock = wall_clock

    def write(
        self,
        producer: Producer,
        insist: Insist,
        outputs: Outputs,
        dead_letters: Sequence[DeadLetter],
        keep_waiting: Callable[[], bool],
    ) -> None:
        """Hand everything to the producer, which takes it at once or is insisted on; raises as `insist` does."""
        self._write_outputs(producer, insist, outputs, keep_waiting)
        if dead_letters:
            self._write_dead_letters(producer, insist, dead_letters, keep_waiting)

    def _write_outputs(
        self, producer: Producer, insist: Insist, outputs: Outputs, keep_waiting: Callable[[], bool]
    ) -> None:
        produce, topic = producer.produce, self._destinations.output_topic
        n, with_version = self._destinations.partition_counts[topic], self._destinations.output_headers
        model = outputs.model
        versions = repeat(outputs.versions) if isinstance(outputs.versions, int) else outputs.versions
        for record, value, version in zip(outputs.records, outputs.values, versions, strict=False):
            partition = record.partition() % n
            headers: Any = record.headers()
            if with_version:
                headers = prediction_headers(record, model, version)
            elif headers:
                headers = caller_headers(record)
            try:
                if headers:
                    produce(topic, value, record.key(), partition, headers=headers)
                else:
                    produce(topic, value, record.key(), partition)
            except (BufferError, KafkaException) as obstacle:
                again = partial(produce, topic, value, record.key(), partition, headers=headers or [])
                insist(again, obstacle, keep_waiting, f"{topic}[{partition}]")

    def _write_dead_letters(
        self,
        producer: Producer,
        insist: Insist,
        dead_letters: Sequence[DeadLetter],
        keep_waiting: Callable[[], bool],
    ) -> None:
        topic = self._destinations.dead_letter_topic
        n = self._destinations.partition_counts[topic]
        failed_at_ms = int(self._wall_clock() * 1000)
        for dead_letter in dead_letters:
            record = dead_letter.record
            partition = record.partition() % n
            headers: Any = dead_letter_headers(dead_letter, failed_at_ms=failed_at_ms)
            produce = partial(producer.produce, topic, record.value(), record.key(), partition, headers=headers)
            try:
                produce()
            except (BufferError, KafkaException) as obstacle:
                insist(produce, obstacle, keep_waiting, f"{topic}[{partition}]")
