"""Where partitions are read from by their new owner, and which cannot be read at all."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from scoreline.records import TopicPartition
from scoreline.transport.memory.broker import MemoryBroker
from scoreline.transport.memory.group import MemoryGroup


@dataclass(frozen=True, slots=True)
class Start:
    """The decision about one partition.

    Attributes:
        offset: to read from; None where it cannot be read.
        detail: why not.
    """

    offset: int | None
    detail: str = ""


def find_starts(
    broker: MemoryBroker, group: MemoryGroup, partitions: Collection[TopicPartition], policy: str
) -> Mapping[TopicPartition, Start]:
    """What the group has committed, or where the policy begins, which is committed then.

    Args:
        policy: `earliest`, `latest`, which is overruled where the group has commits on others of the topic, or `error`.

    Returns:
        A start for each partition without offsets that are still part of an open transaction.
    """
    has_commits = {p.topic for p in group.committed}
    starts: dict[TopicPartition, Start] = {}
    for partition in sorted(partitions):
        if group.is_pending(partition):
            continue
        log, committed = broker.log(partition), group.committed.get(partition)
        there = f"only offsets {log.low} to {log.end} are there"
        if committed is None and policy != "error":
            begin = log.end if policy == "latest" and partition.topic not in has_commits else log.low
            group.begin(partition, begin)
            starts[partition] = Start(begin)
        elif committed is not None and log.low <= committed <= log.end:
            starts[partition] = Start(committed)
        else:
            chosen = "nothing" if committed is None else committed
            starts[partition] = Start(None, f"{partition}: the group has committed {chosen}, but {there}")
    return starts
