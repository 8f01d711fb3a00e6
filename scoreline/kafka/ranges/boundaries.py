"""Finds where in a topic a moment lies: before the first record of that timestamp or later that a reader is given."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import FatalClientError, Refused, StopOverdue, Unavailable
from scoreline.kafka.client.clients import Properties, make_member, without_membership
from scoreline.kafka.client.errors import PARTITION_EOF, describe_error, find_remedy
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.commands.reader import NOBODYS_GROUP
from scoreline.kafka.member.membership import partition_of
from scoreline.kafka.ranges.offset_index import EARLIEST, LATEST, OffsetIndex
from scoreline.records import Clock, TopicPartition
from scoreline.transport.ranges import OffsetRange

LOOK_AHEAD_RECORDS = 200
"""So many records behind a boundary are looked at, to see whether it is one."""

DISORDER_MS = 60_000
"""Records of several producers never come in the order of their timestamps; this much out of it is told."""

READ_AT_ONCE = 500
READ_SECONDS = 0.2


@dataclass(slots=True)
class Boundary:
    """Where a moment lies in one partition, as far as that is known.

    Attributes:
        end: of the partition, for whoever reads committed records.
        indexed: what the index says, which is not over the offset that is looked for; -1 where it knows of none.
        offset: of the first record of the moment or later; the end where there is none.
        disorderly: the offset of a record behind it that is well before the moment; None where none was seen.
    """

    moment_ms: int
    end: int
    indexed: int
    offset: int = field(init=False)
    disorderly: int | None = field(default=None, init=False)
    _is_found: bool = field(default=False, init=False)
    _left: int = field(default=LOOK_AHEAD_RECORDS, init=False)

    def __post_init__(self) -> None:
        self.offset = self.end

    def look_at(self, message: Message) -> bool:
        """Take note of a record, or of the word that the end was reached; whether enough is known now."""
        offset, timestamp_ms = int(message.offset() or 0), message.timestamp()[1]
        if offset >= self.end:
            return True
        if message.error() is not None:
            return False
        if not self._is_found:
            if timestamp_ms >= self.moment_ms:
                self.offset, self._is_found = offset, True
            return False
        if timestamp_ms < self.moment_ms - DISORDER_MS and self.disorderly is None:
            self.disorderly = offset
        self._left -= 1
        return self._left == 0


@dataclass(frozen=True, slots=True)
class FoundRanges:
    """Ranges between two moments, and what someone should know of them.

    Attributes:
        remarks: where timestamps are out of order, or records may be missing.
    """

    ranges: Mapping[TopicPartition, OffsetRange]
    remarks: Sequence[str]


class BoundaryFinder:
    """Looks moments up in the brokers' index, and then at the records themselves.

    The index is of no use alone: it knows the markers that end transactions too, whose time is that of the commit. On
    a topic that was filled with records of older timestamps, the first marker would end every range.

    Args:
        consumer: made with `watch`; it is assigned here, and never joins a group.
        should_stop: asked while records are looked at, which may take a while.
        patience_seconds: how long nothing may come of what is there.
    """

    def __init__(
        self,
        index: OffsetIndex,
        consumer: Consumer,
        watch: ClientWatch,
        *,
        should_stop: Callable[[], bool],
        patience_seconds: float,
        clock: Clock,
    ) -> None:
        self._index = index
        self._consumer = consumer
        self._watch = watch
        self._should_stop = should_stop
        self._patience_seconds = patience_seconds
        self._clock = clock

    def find_ranges(self, partitions: Sequence[TopicPartition], from_ms: int, to_ms: int) -> FoundRanges:
        """In each partition, what lies from the first moment up to the second.

        Ranges that meet in a moment share no record and leave none out. What is written later belongs to none.

        Raises:
            StopOverdue: `should_stop` said yes.
            DependencyError: the cluster does not answer, or refuses.
            FatalClientError: the client cannot go on.
        """
        # The ends first: whatever arrives between the questions lies behind them.
        ends = self._index.find_offsets(partitions, LATEST)
        lows = self._index.find_offsets(partitions, EARLIEST)
        begins, stops = self._find(ends, from_ms), self._find(ends, to_ms)
        ranges = {p: OffsetRange(begins[p].offset, max(begins[p].offset, stops[p].offset)) for p in partitions}
        remarks = [
            f"{p}: timestamps are out of order around {end} (offset {found[p].disorderly} is well before it, but comes "
            f"after offset {found[p].offset}); the range is what lies between the first records of --from and of --to"
            for found, end in ((begins, "--from"), (stops, "--to"))
            for p in partitions
            if found[p].disorderly is not None
        ]
        remarks += [
            f"{p}: what was before offset {lows[p]} has been deleted; records of the range may have been among it"
            for p in partitions
            if lows[p] > 0 and lows[p] in (begins[p].indexed, ends[p])
        ]
        return FoundRanges(ranges, remarks)

    def _find(self, ends: Mapping[TopicPartition, int], moment_ms: int) -> dict[TopicPartition, Boundary]:
        indexed = self._index.find_offsets(list(ends), moment_ms)
        boundaries = {p: Boundary(moment_ms, end, indexed[p]) for p, end in ends.items()}
        unknown = {p for p, boundary in boundaries.items() if 0 <= boundary.indexed < boundary.end}
        starts = [ClientPartition(p.topic, p.partition, indexed[p]) for p in sorted(unknown)]
        self._consumer.assign(starts)
        self._consumer.resume(starts)  # the client remembers which were paused
        quiet_until = self._clock() + self._patience_seconds
        while unknown:
            messages = self._read()
            if messages:
                quiet_until = self._clock() + self._patience_seconds
            elif self._clock() > quiet_until:
                raise Unavailable(
                    f"could not read {', '.join(map(str, sorted(unknown)))} for {self._patience_seconds:g} s: "
                    f"{self._watch.reason or 'nothing comes'}"
                )
            for message in messages:
                partition = TopicPartition(*partition_of(message))
                if partition in unknown and boundaries[partition].look_at(message):
                    unknown.remove(partition)
                    self._consumer.pause([ClientPartition(*partition)])
        return boundaries

    def _read(self) -> list[Message]:
        """Records, and the client's word that an end was reached."""
        if self._should_stop():
            raise StopOverdue("a stop was requested before the range was found")
        kept = []
        for message in self._consumer.consume(READ_AT_ONCE, READ_SECONDS):
            error = message.error()
            if error is None or error.code() == PARTITION_EOF:
                kept.append(message)
            elif find_remedy(error) is not None:
                raise Refused(f"could not read the input topic: {describe_error(error)}")
            else:
                self._watch.note(error)
        if self._watch.fatal is not None:
            raise FatalClientError(f"the Kafka consumer cannot go on: {self._watch.fatal}")
        return kept


def find_ranges(
    properties: Properties,
    index: OffsetIndex,
    partitions: Sequence[TopicPartition],
    from_ms: int,
    to_ms: int,
    *,
    should_stop: Callable[[], bool],
    patience_seconds: float,
    clock: Clock = time.monotonic,
) -> FoundRanges:
    """Ranges of partitions, found by a consumer that is made for it and closed again.

    Raises:
        As `BoundaryFinder.find_ranges`.
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(None, clock=clock)
    consumer = make_member({**without_membership(properties), "group.id": NOBODYS_GROUP}, watch=watch)
    try:
        finder = BoundaryFinder(
            index, consumer, watch, should_stop=should_stop, patience_seconds=patience_seconds, clock=clock
        )
        return finder.find_ranges(partitions, from_ms, to_ms)
    finally:
        consumer.close()
