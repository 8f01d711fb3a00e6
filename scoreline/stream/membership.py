"""What a member of a group has been told of its partitions, as evidence that it is one."""

import logging
from collections.abc import Callable, Collection

from scoreline.records import TopicPartition


def ignore_gone(partitions: Collection[TopicPartition]) -> None:
    """Nobody minds."""


class MembershipHealth:
    """Implements `RebalanceListener`; written by the member's thread, read by others.

    Args:
        logger: told of every change.
        lane: what the member reads, where a process has several.
        gone: told of partitions that are not ours any more, before that is logged.

    Attributes:
        joined: whether there was an assignment, even an empty one, that was not lost since.
        partitions: that are ours.
    """

    def __init__(
        self,
        logger: logging.Logger,
        *,
        lane: str | None = None,
        gone: Callable[[Collection[TopicPartition]], None] = ignore_gone,
    ) -> None:
        self._logger = logger
        self._lane = lane
        self._gone = gone
        self.joined = False
        self.partitions: frozenset[TopicPartition] = frozenset()
        self._stranded: dict[TopicPartition, str] = {}

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """A first assignment, even an empty one, is the evidence that the group was joined."""
        self.joined = True
        self.partitions |= set(partitions)
        self._log("partitions_assigned", partitions)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Partitions go to another member."""
        self._forget(partitions)
        self._log("partitions_revoked", partitions)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Until the next assignment there is no evidence of membership."""
        self._forget(partitions)
        self.joined = False
        self._log("partitions_lost", partitions)

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        """A partition stands until its offset is chosen; the others go on."""
        self._stranded = {**self._stranded, partition: detail}
        self._logger.error(
            "a partition stands: %s", detail, extra={"event": "partition_stranded", "partition": str(partition)}
        )

    def find_stranded(self) -> list[str]:
        """Why partitions stand, by partition."""
        return [detail for _, detail in sorted(self._stranded.items())]

    def _forget(self, partitions: Collection[TopicPartition]) -> None:
        gone = set(partitions)
        self.partitions -= gone
        self._stranded = {p: detail for p, detail in self._stranded.items() if p not in gone}
        self._gone(gone)

    def _log(self, event: str, partitions: Collection[TopicPartition]) -> None:
        names = sorted(str(p) for p in partitions)
        lane = {} if self._lane is None else {"lane": self._lane}
        of = "" if self._lane is None else f" of {self._lane}"
        what = event.replace("_", " ")
        self._logger.info("%s%s: %d", what, of, len(names), extra={"event": event, **lane, "partitions": names})
