"""Knows how far each partition was read, past markers and compacted records too, and how far that is from its end."""

from collections.abc import Collection, Sequence

from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.member.membership import Membership, partition_of
from scoreline.records import Clock, NextOffsets, TopicPartition

QUESTION_SECONDS = 1.0
"""How long all questions for ends may take together while fetching is paused."""


class Positions:
    """Listens to rebalances, and to the client's word that an end was reached.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, consumer: Consumer, membership: Membership, *, watch: ClientWatch, clock: Clock) -> None:
        self._consumer = consumer
        self._membership = membership
        self._watch = watch
        self._clock = clock
        self._ends: dict[TopicPartition, int] = {}
        self._moved_to: dict[TopicPartition, int] = {}
        membership.add_listener(self)

    def note_end(self, message: Message) -> None:
        """Everything before this offset was handed to us, or is for no reader; unless the partition has gone since.

        A revocation within the same consume drops the records before the end, and another member reads them.
        """
        partition = TopicPartition(*partition_of(message))
        if self._membership.is_readable(partition):
            self._ends[partition] = int(message.offset() or 0)

    def note_move(self, next_offsets: NextOffsets) -> None:
        """They are read from there on; the client calls their position unknown until it has handed something out."""
        self._forget(next_offsets)
        self._moved_to.update(next_offsets)

    def find_progress(self, held: Sequence[Message]) -> dict[TopicPartition, int]:
        """Ends beyond where a partition was begun or sent, of partitions of ours without a record that is held back."""
        unfinished = {partition_of(m) for m in held}
        ours = self._membership.owned()
        return {
            p: end
            for p, end in self._ends.items()
            if p in ours and p not in unfinished and end > self._moved_to.get(p, -1)
        }

    def find_lags(self, held: Sequence[Message], *, ask: bool) -> dict[TopicPartition, int]:
        """Offsets between what was handed out and the end of each partition of ours; those not known are left out.

        Args:
            held: fetched, and not handed out yet.
            ask: the broker; otherwise the ends are those of the last fetch.

        Raises:
            KafkaException: the client does not know its positions.
        """
        held_from: dict[TopicPartition, int] = {}
        for message in held:
            held_from.setdefault(partition_of(message), int(message.offset() or 0))
        lags = {}
        until = self._clock() + QUESTION_SECONDS
        for at in self._consumer.position([ClientPartition(*p) for p in self._membership.assignment]):
            partition = TopicPartition(at.topic, at.partition)
            position = held_from.get(partition, self._find_position(partition, at.offset))
            end = self._find_end(at, until - self._clock() if ask else 0.0)
            end = max(end, self._ends.get(partition, end))
            if position >= 0 and end >= 0:
                lags[partition] = max(0, end - position)
        return lags

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """They are read from where the group has committed."""
        self._forget(partitions)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """What was reached says nothing about what another member will have finished."""
        self._forget(partitions)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """As revoked."""
        self._forget(partitions)

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        """It has no position."""

    def _find_end(self, at: ClientPartition, within_seconds: float) -> int:
        """As the broker says, or where it does not in time, as the last fetch has known it."""
        if within_seconds > 0:
            try:
                return int(self._consumer.get_watermark_offsets(at, timeout=within_seconds)[1])
            except KafkaException as late:
                self._watch.note(late.args[0])
        return int(self._consumer.get_watermark_offsets(at, cached=True)[1])

    def _find_position(self, partition: TopicPartition, told: int) -> int:
        """What the client tells, or where it was sent, or the end that it has met without handing anything out."""
        return told if told >= 0 else self._ends.get(partition, self._moved_to.get(partition, told))

    def _forget(self, partitions: Collection[TopicPartition]) -> None:
        for partition in partitions:
            self._ends.pop(partition, None)
            self._moved_to.pop(partition, None)
