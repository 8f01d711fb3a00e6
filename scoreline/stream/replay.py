"""What a replay was told to do, and how far it is: written beside the commits of its group, and read back from there.

Everything lies in one place that a kill cannot tear apart: a commit carries the range that it is a commit of. Working
the range out again would give another one as soon as records have come, or have been deleted, in between.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from scoreline.errors import ConfigError, Refused
from scoreline.records import NextOffsets, TopicPartition
from scoreline.transport.ranges import NotedOffset, OffsetRange

FORM = "scoreline-replay-1"
"""Marks a note as one of these, and says in which form it is."""

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class ReplayOrder:
    """What stays the same over all runs under one id.

    Attributes:
        from_ms, to_ms: Kafka timestamps, the second exclusive; milliseconds since the epoch.
        version: of the model, for every record.
    """

    input_topic: str
    from_ms: int
    to_ms: int
    model: str
    version: int
    output_topic: str

    def arguments(self) -> str:
        """The order as someone would type it."""
        return (
            f"--from {_format(self.from_ms)} --to {_format(self.to_ms)} --version {self.version} "
            f"--output-topic {self.output_topic}"
        )

    def __str__(self) -> str:
        return f"{self.arguments()} (model {self.model}, input topic {self.input_topic})"


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """An order with the offsets that it came to.

    Attributes:
        ranges: by partition; those with nothing in them too.
        next_offsets: how far each was when the plan was made.
    """

    order: ReplayOrder
    ranges: Mapping[TopicPartition, OffsetRange]
    next_offsets: NextOffsets

    @property
    def total(self) -> int:
        """Offsets in all ranges."""
        return sum(map(len, self.ranges.values()))

    @property
    def done(self) -> int:
        """Offsets that were behind it when the plan was made."""
        return sum(offset - self.ranges[p].begin for p, offset in self.next_offsets.items())

    @property
    def is_finished(self) -> bool:
        """Whether there was nothing left to do."""
        return self.done == self.total

    def notes(self) -> dict[TopicPartition, str]:
        """What is to be kept beside every commit of each partition."""
        shared = {**asdict(self.order), "partitions": len(self.ranges)}
        return {
            p: json.dumps({"form": FORM, **shared, "begin": r.begin, "end": r.end}, separators=(",", ":"))
            for p, r in self.ranges.items()
        }


def begin_plan(order: ReplayOrder, ranges: Mapping[TopicPartition, OffsetRange]) -> ReplayPlan:
    """The plan of a replay that has done nothing yet."""
    return ReplayPlan(order, ranges, {p: r.begin for p, r in ranges.items()})


def recall_plan(order: ReplayOrder, committed: Mapping[TopicPartition, NotedOffset]) -> ReplayPlan | None:
    """The plan of the replay that has committed this; None where nothing is committed.

    Raises:
        ConfigError: it was told to do something else, which is said, or it was no replay.
        Refused: some of the commits have expired.
    """
    if not committed:
        return None
    ranges, orders, counts = {}, set(), set()
    for partition, noted in committed.items():
        found, offset_range, count = _read_note(partition, noted.note)
        ranges[partition] = offset_range
        orders.add(found)
        counts.add(count)
    if orders != {order}:
        told = " and ".join(sorted(map(str, orders)))
        raise ConfigError(
            f"--id: the replay of this id was begun with {told}, and this one is told {order}; take another --id"
        )
    if counts != {len(ranges)}:
        raise Refused(
            f"the group of this replay has commits of {len(ranges)} of {max(counts)} partitions: the others have "
            "expired (the broker's offsets.retention.minutes), and how far they were is not known; begin anew under "
            "another --id"
        )
    return ReplayPlan(order, ranges, {p: ranges[p].clamp(noted.next_offset) for p, noted in committed.items()})


def _read_note(partition: TopicPartition, note: str) -> tuple[ReplayOrder, OffsetRange, int]:
    """Order, range and number of partitions.

    Raises:
        ConfigError: it is no note of a replay.
    """
    try:
        fields = json.loads(note)
        form = fields.pop("form")
        offset_range, count = OffsetRange(fields.pop("begin"), fields.pop("end")), int(fields.pop("partitions"))
        order = ReplayOrder(**fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        form = None
    if form != FORM:
        raise ConfigError(
            f"--id: the group of this id has committed offsets of {partition} that are not those of a replay, or of "
            "one by another version of scoreline; take another --id"
        )
    return order, offset_range, count


def _format(milliseconds: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
