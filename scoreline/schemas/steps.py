"""The steps of the column decoder: each reads one value of every row of a batch and moves on behind it.

A step is exact about what it accepts. What is rare or wrong (a negative branch, an integer of eleven bytes) it only
marks as suspect: the row decoder then decides on that row alone.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from scoreline.schemas.cursor import Cursor, Mask
from scoreline.schemas.harvest import Harvest


class Step(Protocol):
    """Reads one value of each row. `widest` is how many bytes it may pass over without looking at the rows' ends."""

    widest: int

    def read(self, cursor: Cursor, harvest: Harvest) -> None:
        """Read at the cursor, which has at least one row, and leave it behind the value."""
        ...


class OptionalStep(Step, Protocol):
    """A step that can be told which rows have a value at all."""

    def read_present(self, cursor: Cursor, harvest: Harvest, present: Mask) -> None:
        """Read where there is a value; where there is none, give null and do not move on."""
        ...


class SkipNull:
    """Reads null: nothing."""

    widest = 0

    def read(self, cursor: Cursor, harvest: Harvest) -> None:
        """Nothing to read; what nobody puts stays null."""


class ReadFields:
    """Reads the fields of a record in order."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = tuple(steps)
        self.widest = sum(step.widest for step in steps)

    def read(self, cursor: Cursor, harvest: Harvest) -> None:
        """One field after the other."""
        for step in self._steps:
            step.read(cursor, harvest)


class ReadBranch:
    """Reads the number of a union's branch, and then that branch."""

    def __init__(self, branches: Sequence[Step]) -> None:
        self._branches = tuple(branches)
        self.widest = 1 + max(step.widest for step in branches)

    def read(self, cursor: Cursor, harvest: Harvest) -> None:
        """A branch that is not one byte with its number is suspect."""
        tags = cursor.pages.bytes.take(cursor.at)
        cursor.at += 1
        left = len(tags)
        for number, step in enumerate(self._branches):
            chosen = tags == 2 * number
            count = int(np.count_nonzero(chosen))
            if count == len(tags):
                step.read(cursor, harvest)
                return
            left -= count
            if count and not isinstance(step, SkipNull):
                places = np.flatnonzero(chosen)
                part = cursor.select(places)
                step.read(part, harvest)
                cursor.rejoin(part, places)
        if left:
            cursor.doubt(tags > 2 * (len(self._branches) - 1))
            cursor.doubt(tags & 1 == 1)


class ReadNullable:
    """Reads a union of null and a float or double without splitting the rows in two."""

    def __init__(self, step: OptionalStep, present_tag: int) -> None:
        self._step = step
        self._tag = present_tag
        self.widest = 1 + step.widest

    def read(self, cursor: Cursor, harvest: Harvest) -> None:
        """A branch that is not one byte with its number is suspect."""
        tags = cursor.pages.bytes.take(cursor.at)
        cursor.at += 1
        if np.bitwise_or.reduce(tags) not in (0, 2):
            bad = tags & 0xFD != 0
            cursor.doubt(bad)
            tags = np.where(bad, 2 - self._tag, tags)
        present = tags == self._tag
        if np.count_nonzero(present) == len(tags):
            self._step.read(cursor, harvest)
        else:
            self._step.read_present(cursor, harvest, present)
