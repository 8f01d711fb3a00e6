"""Decodes a batch of payloads column by column in numpy: one pass per field over all rows at once.

The payloads are joined into one buffer with a cursor in each. No step looks at another row's result, and a row counts
only if its cursor ends exactly where the row does; the row decoder has the last word on all others, so that the verdict
is the same as if each had been decoded alone.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from scoreline.schemas.cursor import Cursor, Joined, Positions, join_payloads
from scoreline.schemas.decoded import Decoded
from scoreline.schemas.harvest import Harvest, Wanted, list_wanted
from scoreline.schemas.leaf_steps import ReadFloat, leaf_steps
from scoreline.schemas.places import Path
from scoreline.schemas.plan import Plan
from scoreline.schemas.rows import RowDecoder
from scoreline.schemas.shapes import Branches, Fields, Leaf, Shape
from scoreline.schemas.steps import ReadBranch, ReadFields, ReadNullable, SkipNull, Step

T = TypeVar("T")


class ColumnDecoder:
    """Reads batches of payloads of one writer's schema for one plan.

    Args:
        plan: one whose shape columns take.
        doubtful: decides on every payload that this one doubts.
    """

    def __init__(self, plan: Plan, doubtful: RowDecoder) -> None:
        self._plan = plan
        self._step = _make_step(plan.shape.root, (), list_wanted(plan))
        self._doubtful = doubtful

    def join(self, payloads: Sequence[bytes]) -> Joined:
        """Payloads, at least one, made ready to be read."""
        return join_payloads(payloads, self._step.widest)

    def read(self, payloads: Sequence[bytes], joined: Joined, start: int) -> Decoded:
        """Decode joined payloads, each of at least `start` bytes, where the datum begins."""
        suspect = np.zeros(len(payloads), dtype=np.bool_)
        cursor = Cursor(joined.pages, joined.starts + start, joined.ends, None, suspect)
        harvest = Harvest(self._plan, len(payloads))
        self._step.read(cursor, harvest)
        suspect |= cursor.at != joined.ends
        if suspect.any():
            return self._settle(payloads, start, harvest, np.flatnonzero(suspect))
        matrix = np.ascontiguousarray(harvest.columns.T)
        return Decoded(np.arange(len(payloads)), matrix, harvest.ids, harvest.event_times_ms, [])

    def _settle(self, payloads: Sequence[bytes], start: int, harvest: Harvest, suspects: Positions) -> Decoded:
        """Have the row decoder decide on every suspect."""
        settled = self._doubtful.read([payloads[row] for row in suspects.tolist()], start)
        good = suspects[settled.rows]
        harvest.columns[:, good] = settled.features.T
        _replace(harvest.ids, good, settled.ids)
        _replace(harvest.event_times_ms, good, settled.event_times_ms)
        rejected = [one._replace(row=int(suspects[one.row])) for one in settled.rejected]
        rows = np.delete(np.arange(len(payloads)), [one.row for one in rejected])
        kept = rows.tolist()
        return Decoded(
            rows,
            np.ascontiguousarray(harvest.columns[:, rows].T),
            None if harvest.ids is None else [harvest.ids[row] for row in kept],
            None if harvest.event_times_ms is None else [harvest.event_times_ms[row] for row in kept],
            rejected,
        )


def _replace(gathered: list[T] | None, rows: Positions, values: Sequence[T] | None) -> None:
    if gathered is not None and values is not None:
        for row, value in zip(rows.tolist(), values, strict=True):
            gathered[row] = value


def _make_step(shape: Shape, path: Path, wanted: dict[Path, Wanted]) -> Step:
    """The step that reads a shape, made of those of its parts."""
    if isinstance(shape, Leaf):
        return leaf_steps()[shape.type](shape, wanted.get(path, Wanted()))
    if isinstance(shape, Fields):
        return ReadFields([_make_step(field.shape, (*path, field.name), wanted) for field in shape.fields])
    if isinstance(shape, Branches):
        steps = [_make_step(branch, path, wanted) for branch in shape.branches]
        if len(steps) == 2:
            for tag, (step, other) in ((0, steps), (2, steps[::-1])):
                if isinstance(step, ReadFloat) and isinstance(other, SkipNull):
                    return ReadNullable(step, tag)
        return ReadBranch(steps)
    raise TypeError(f"columns take no {type(shape).__name__}")
