"""A part of a partition, and what a group has committed of it together with a note."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Offsets of one partition.

    Attributes:
        begin: the first.
        end: the one after the last; not under `begin`.
    """

    begin: int
    end: int

    def __len__(self) -> int:
        return self.end - self.begin

    def clamp(self, next_offset: int) -> int:
        """The next offset to be read within the range: its end where everything before it is done."""
        return min(max(next_offset, self.begin), self.end)


@dataclass(frozen=True, slots=True)
class NotedOffset:
    """A commit as the group's coordinator keeps it.

    Attributes:
        note: what was written beside it; empty where nothing was.
    """

    next_offset: int
    note: str
