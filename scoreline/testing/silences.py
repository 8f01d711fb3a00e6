"""Measures for how long no partition of a topic, and then which, was heard of."""

from collections.abc import Hashable
from dataclasses import dataclass

WORTH_NOTING_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Silence:
    """A partition that nothing came from.

    Attributes:
        partition: which.
        began, ended: monotonic seconds of the record before and of the one after.
    """

    partition: Hashable
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.ended - self.began


class Silences:
    """Notes the longer gaps between the records of each partition, from its first record on."""

    def __init__(self) -> None:
        self._last: dict[Hashable, float] = {}
        self.noted: list[Silence] = []

    def heard(self, partition: Hashable, now: float) -> None:
        """A record of a partition has come."""
        last = self._last.get(partition, now)
        if now - last >= WORTH_NOTING_SECONDS:
            self.noted.append(Silence(partition, last, now))
        self._last[partition] = now
