"""Reads a topic outside any consumer group, up to the end that it has when the reader is made."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import ConfigError, FatalClientError, Refused, Unavailable
from scoreline.kafka.client.clients import Properties, make_consumer
from scoreline.kafka.client.errors import describe_error, find_remedy, translate_exception
from scoreline.kafka.client.headers import guard_headers
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.commands.reader import ANSWER_SECONDS, NOBODYS_GROUP
from scoreline.records import Clock, Record

PARTITION_END = KafkaError._PARTITION_EOF  # noqa: SLF001 - the client has no public name for it
READ_AT_ONCE = 500
WAIT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Extent:
    """What a partition holds, and what of it is read.

    Attributes:
        low: offset of the oldest record that is kept.
        start: the first offset that is read, `end` where nothing is.
        end: offset after the last.
    """

    low: int
    start: int
    end: int


class RangeReader:
    """Reads committed records of partitions from a start to their present end, each partition in offset order.

    Args:
        consumer: made with `watch` and told of ends; it is assigned here, and never joins a group.
        partitions: None for all that the topic has.
        since_ms: leave out what lies before the first record of at least this timestamp.
        from_offset: start there in every partition.
        quiet_seconds: how long nothing may come while there is something to be read.

    Attributes:
        extents: by partition, as it was when the reader was made.

    Raises:
        ConfigError: the topic has no such partition.
        Refused: there is no such topic, or this user may not read it.
        Unavailable: the cluster does not answer.
    """

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        *,
        watch: ClientWatch,
        clock: Clock,
        quiet_seconds: float,
        partitions: Collection[int] | None = None,
        since_ms: int | None = None,
        from_offset: int | None = None,
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._watch = watch
        self._clock = clock
        self._quiet_seconds = quiet_seconds
        try:
            self.extents = self._find_extents(partitions, since_ms, from_offset)
            unread = [ClientPartition(topic, p, e.start) for p, e in self.extents.items() if e.start < e.end]
            self._consumer.assign(unread)
        except KafkaException as raised:
            raise translate_exception(raised, f"could not read the topic {topic}") from raised
        self._positions = {p.partition: p.offset for p in unread}

    @property
    def unread(self) -> int:
        """Offsets that are still ahead; some of them may hold nothing."""
        return sum(self.extents[p].end - position for p, position in self._positions.items())

    def pages(self) -> Iterator[Sequence[Record]]:
        """Everything, a few hundred records at a time; some pages are empty, so that a caller may look around.

        Raises:
            Refused: this user may not read the topic.
            Unavailable: nothing came for too long.
            FatalClientError: the client cannot go on.
        """
        heard_at = self._clock()
        while self._positions:
            messages = self._consumer.consume(READ_AT_ONCE, WAIT_SECONDS)
            if messages:
                heard_at = self._clock()
            elif self._clock() - heard_at > self._quiet_seconds:
                why = self._watch.reason or "the broker does not answer"
                raise Unavailable(f"nothing came of the topic {self._topic} for {self._quiet_seconds:g} s: {why}")
            good = [message for message in messages if self._keep(message)]
            if self._watch.fatal is not None:
                raise FatalClientError(f"the Kafka consumer cannot go on: {self._watch.fatal}")
            guard_headers(good)
            yield cast("Sequence[Record]", good)

    def close(self) -> None:
        """Release the client."""
        self._consumer.close()

    def _keep(self, message: Message) -> bool:
        """Whether a message is a record of the range; notes where its partition stands."""
        error, partition = message.error(), cast("int", message.partition())
        if error is not None:
            if error.code() == PARTITION_END:
                # Also ahead of the end that was found before: what an open transaction hides is not there for us.
                self._positions.pop(partition, None)
            elif find_remedy(error) is not None:
                raise Refused(f"could not read the topic {self._topic}: {describe_error(error)}")
            else:
                self._watch.note(error)
            return False
        offset, end = cast("int", message.offset()), self.extents[partition].end
        if offset + 1 < end:
            self._positions[partition] = offset + 1
        elif partition in self._positions:
            del self._positions[partition]
            self._consumer.pause([ClientPartition(self._topic, partition)])
        return offset < end

    def _find_extents(
        self, partitions: Collection[int] | None, since_ms: int | None, from_offset: int | None
    ) -> Mapping[int, Extent]:
        found = self._consumer.list_topics(self._topic, timeout=ANSWER_SECONDS).topics[self._topic]
        if found.error is not None:
            raise KafkaException(found.error)
        wanted = sorted(found.partitions if partitions is None else set(partitions))
        if unknown := [p for p in wanted if p not in found.partitions]:
            listed = ", ".join(map(str, unknown))
            raise ConfigError(f"{self._topic} has the partitions 0 to {len(found.partitions) - 1}, and not {listed}")
        starts = {} if since_ms is None else self._find_starts(wanted, since_ms)
        extents = {}
        for partition in wanted:
            low, end = self._consumer.get_watermark_offsets(
                ClientPartition(self._topic, partition), timeout=ANSWER_SECONDS
            )
            start = max(low, starts.get(partition, low) if from_offset is None else from_offset)
            extents[partition] = Extent(low, min(start, end), end)
        return extents

    def _find_starts(self, partitions: Sequence[int], since_ms: int) -> dict[int, int]:
        """The first offset of at least that timestamp in each partition."""
        asked = [ClientPartition(self._topic, p, since_ms) for p in partitions]
        answers = self._consumer.offsets_for_times(asked, timeout=ANSWER_SECONDS)
        for answer in answers:
            if answer.error is not None:
                raise KafkaException(answer.error)
        # Negative where every record is older: then it is read to the end from the end.
        return {a.partition: a.offset if a.offset >= 0 else 2**63 - 1 for a in answers}


def open_range_reader(
    properties: Properties,
    topic: str,
    *,
    quiet_seconds: float,
    partitions: Collection[int] | None = None,
    since_ms: int | None = None,
    from_offset: int | None = None,
    clock: Clock = time.monotonic,
) -> RangeReader:
    """A reader with a consumer of its own; see `RangeReader`.

    Args:
        properties: the user's, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property, or the topic has no such partition.
        DependencyError: see `RangeReader`.
    """
    watch = ClientWatch(None, clock=clock)
    # What retention has taken while it was being read is gone: reading goes on with what is there.
    ours = {"group.id": NOBODYS_GROUP, "auto.offset.reset": "earliest"}
    consumer = make_consumer({**properties, **ours}, watch=watch, tell_ends=True)
    try:
        return RangeReader(
            consumer,
            topic,
            watch=watch,
            clock=clock,
            quiet_seconds=quiet_seconds,
            partitions=partitions,
            since_ms=since_ms,
            from_offset=from_offset,
        )
    except BaseException:
        consumer.close()
        raise
