"""What the column decoder has gathered so far: the matrix by columns, ids and event times."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scoreline.schemas.cursor import Cursor, Doubles, Integers, Mask
from scoreline.schemas.event_times import FIRST_MS, LAST_MS
from scoreline.schemas.levels import Levels
from scoreline.schemas.logical import scale_to_ms
from scoreline.schemas.places import Path
from scoreline.schemas.plan import Plan
from scoreline.schemas.shapes import Leaf


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is taken from one field.

    Attributes:
        columns: of the matrix, each with its levels, if it has any.
    """

    columns: tuple[tuple[int, Levels | None], ...] = ()
    is_id: bool = False
    is_event_time: bool = False

    def __bool__(self) -> bool:
        return bool(self.columns) or self.is_id or self.is_event_time


def list_wanted(plan: Plan) -> dict[Path, Wanted]:
    """What is taken from each field that anything is taken from."""
    columns: dict[Path, list[tuple[int, Levels | None]]] = {}
    for column in plan.columns:
        columns.setdefault(column.place.path, []).append((column.number, column.levels))
    paths = set(columns)
    for place in (plan.id, plan.event_time):
        if place is not None:
            paths.add(place.path)
    return {
        path: Wanted(
            tuple(columns.get(path, ())),
            is_id=plan.id is not None and plan.id.path == path,
            is_event_time=plan.event_time is not None and plan.event_time.path == path,
        )
        for path in paths
    }


class Harvest:
    """Collects values of a batch; what nobody puts stays null.

    Attributes:
        columns: shape (features, rows).
        ids, event_times_ms: one of each row, None where they are not wanted.
    """

    __slots__ = ("columns", "event_times_ms", "ids")

    def __init__(self, plan: Plan, count: int) -> None:
        self.columns = np.full((plan.width, count), np.nan)
        self.ids: list[bytes | None] | None = None if plan.id is None else [None] * count
        self.event_times_ms: list[int | None] | None = None if plan.event_time is None else [None] * count

    def put(self, cursor: Cursor, column: int, values: Doubles | Integers) -> None:
        """Values of one column for the rows of a cursor."""
        if cursor.rows is None:
            self.columns[column] = values
        else:
            self.columns[column, cursor.rows] = values

    def put_numbers(self, cursor: Cursor, wanted: Wanted, values: Doubles) -> None:
        """Doubles for every column that wants them."""
        for column, levels in wanted.columns:
            self.put(cursor, column, values if levels is None else levels.find_doubles(values))

    def put_integers(self, cursor: Cursor, wanted: Wanted, values: Integers, leaf: Leaf) -> None:
        """Whole numbers for everything that wants them; an event time that no consumer could read is suspect."""
        for column, levels in wanted.columns:
            self.put(cursor, column, values if levels is None else levels.find_integers(values))
        if wanted.is_id:
            self.put_ids(cursor, [b"%d" % value for value in values.tolist()])
        if wanted.is_event_time and self.event_times_ms is not None:
            multiplier, divisor = scale_to_ms(leaf.logical) or (1, 1)
            times = values if multiplier == divisor else values * multiplier // divisor
            cursor.doubt(flag_outside(times, (FIRST_MS, LAST_MS)))
            if cursor.rows is None:
                self.event_times_ms[:] = times.tolist()
            else:
                for row, time in zip(cursor.rows.tolist(), times.tolist(), strict=True):
                    self.event_times_ms[row] = time

    def put_ids(self, cursor: Cursor, ids: Sequence[bytes]) -> None:
        """Ids for the rows of a cursor."""
        if self.ids is None:
            return
        if cursor.rows is None:
            self.ids[:] = ids
        else:
            for row, record_id in zip(cursor.rows.tolist(), ids, strict=True):
                self.ids[row] = record_id


def flag_outside(values: Integers, bounds: tuple[int, int]) -> Mask:
    """Where integers are outside what their logical type allows."""
    low, high = bounds
    return (values < low) | (values > high)
