"""The grid: from rows to counts in one pass over slices of them, at about a hundredth of what scoring them costs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from scoreline.features import Matrix
from scoreline.models.baseline.axes import BINS, Axis, CategoricalAxis, NumericAxis
from scoreline.models.baseline.counts import Counts
from scoreline.models.model import Scores

Doubles = npt.NDArray[np.float64]

_INSIDE = 1.0 - 2.0**-40
"""The upper end lies inside: one less than the last digit of a bin's number."""

_BELOW = -0.5
"""Stands for all that is lower where logarithms are taken: it lies below the lowest end, and has one."""

MOST_BINS = 2**20
"""Of a grid: eight thousand numeric features, 8 MiB a set of counts."""

_SLICE_VALUES = 8192
"""So many values at once: with what is done to them, half a MiB."""


@dataclass(frozen=True)
class Grid:
    """The axes of one version: its features in the order of the matrix, then its outputs in the order of the scores.

    Attributes:
        offsets: where the bins of each axis begin in the flat counts; shape (axes,).
    """

    axes: tuple[Axis, ...]
    offsets: npt.NDArray[np.intp] = field(init=False, repr=False, compare=False)
    _features: int = field(init=False, repr=False, compare=False)
    _layout: "_Layout" = field(init=False, repr=False, compare=False)
    _missing_at: npt.NDArray[np.intp] = field(init=False, repr=False, compare=False)
    _levelled: npt.NDArray[np.intp] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sizes = np.array([axis.size for axis in self.axes], dtype=np.intp)
        features = sum(not axis.is_output for axis in self.axes)
        if any(axis.is_output for axis in self.axes[:features]):
            raise ValueError("outputs come after all features")
        offsets = np.cumsum(sizes) - sizes
        levelled = [isinstance(axis, CategoricalAxis) and axis.levels is not None for axis in self.axes]
        derived: dict[str, Any] = {
            "offsets": offsets,
            "_features": features,
            "_layout": _Layout(self.axes, offsets),
            "_missing_at": (offsets + sizes - 1)[levelled],
            "_levelled": np.flatnonzero(levelled),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @cached_property
    def size(self) -> int:
        """Bins of all axes together."""
        return sum(axis.size for axis in self.axes)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the axes, in their order."""
        return tuple(axis.name for axis in self.axes)

    def make_empty(self) -> Counts:
        """Counts of no rows."""
        return Counts(np.zeros(self.size, dtype=np.int64), np.zeros(len(self.axes)), 0)

    def count(self, features: Matrix, unseen: npt.NDArray[np.int64], scores: Scores) -> Counts:
        """Count rows that were scored.

        Args:
            features: settled; shape (rows, features).
            unseen: of features with a level list, how many of these rows had a level that is not in it, which are NaN
                in `features`; shape (features,).
            scores: shape (rows,) or (rows, classes), of which the first are counted that there are axes for.
        """
        counts, outputs = self.make_empty(), self.take_outputs(scores)
        counts.rows = len(features)
        slice_rows = min(self._layout.slice_rows, len(features))
        values, present = np.empty((2, slice_rows, len(self.axes)))
        # What is too far away for a double lies outside all the same, and sums of both infinities are no number.
        with np.errstate(over="ignore", invalid="ignore"):
            for begin in range(0, len(features), slice_rows or 1):
                rows = values[: len(features) - begin]
                rows[:, : self._features] = features[begin : begin + slice_rows]
                rows[:, self._features :] = outputs[begin : begin + slice_rows]
                counts.sums += _add_up(rows, present[: len(rows)])
                np.add.at(counts.bins, self._layout.find_bins(rows), 1)
        self._move_unseen(counts.bins, unseen)
        return counts

    def take_outputs(self, scores: Scores) -> Matrix:
        """The scores that there are axes for, one column an axis."""
        return scores[:, np.newaxis] if scores.ndim == 1 else scores[:, : len(self.axes) - self._features]

    def slice_of(self, axis: int) -> slice:
        """Where the bins of an axis lie in the flat counts."""
        return slice(int(self.offsets[axis]), int(self.offsets[axis]) + self.axes[axis].size)

    def _move_unseen(self, bins: npt.NDArray[np.int64], unseen: npt.NDArray[np.int64]) -> None:
        """Levels that nobody has seen came as NaN; of rows that were left out since, more may be told than are here."""
        if len(self._levelled) and unseen.any():
            moved = np.minimum(unseen[self._levelled], bins[self._missing_at])
            bins[self._missing_at] -= moved
            bins[self._missing_at - 1] += moved


class _Layout:
    """What turns values into bins, one number a column, laid out as long as a slice of rows.

    A slice is counted while the processor's nearest caches hold it, and numpy's loops are long ones, not one a row.
    """

    def __init__(self, axes: Sequence[Axis], offsets: npt.NDArray[np.intp]) -> None:
        sizes = np.array([axis.size for axis in axes], dtype=np.intp)
        self.slice_rows = max(1, max(_SLICE_VALUES, int(sizes.sum())) // max(1, len(axes)))
        numeric = [isinstance(axis, NumericAxis) for axis in axes]
        self._lowest = self._lay_out([axis.lowest if isinstance(axis, NumericAxis) else 0.0 for axis in axes])
        self._scale = self._lay_out([_find_scale(axis) for axis in axes])
        self._first = self._lay_out([-1.0 if under else 0.0 for under in numeric])  # codes have none under them
        self._last = self._lay_out([_find_last(axis) for axis in axes])
        self._begin = self._lay_out(offsets + numeric)
        self._missing = self._lay_out(offsets + sizes - 1)
        self._logarithmic = [i for i, axis in enumerate(axes) if isinstance(axis, NumericAxis) and axis.logarithmic]

    def find_bins(self, rows: Matrix) -> npt.NDArray[np.intp]:
        """Where in the flat counts each value belongs; nulls stay NaN until the end. The rows are written over."""
        places = rows.reshape(-1)
        count = places.size
        places -= self._lowest[:count]
        for axis in self._logarithmic:
            column = rows[:, axis]
            np.log1p(np.maximum(column, _BELOW), out=column)
        places *= self._scale[:count]
        np.maximum(places, self._first[:count], out=places)
        np.minimum(places, self._last[:count], out=places)
        places += self._begin[:count]
        np.fmin(places, self._missing[:count], out=places)
        return places.astype(np.intp)

    def _lay_out(self, values: npt.ArrayLike) -> Doubles:
        """One value a column, again for each row of a slice."""
        return np.tile(np.asarray(values, dtype=np.float64), self.slice_rows)


def _add_up(rows: Matrix, present: Matrix) -> Doubles:
    """The sum of what is there in each column; `present` is written over. Two copies are faster than `np.where`."""
    np.copyto(present, rows)
    np.copyto(present, 0.0, where=np.isnan(rows))
    sums: Doubles = np.einsum("ij->j", present)
    return sums


def _find_scale(axis: Axis) -> float:
    if isinstance(axis, CategoricalAxis):
        return 1.0
    width = axis.highest - axis.lowest
    width = float(np.log1p(width)) if axis.logarithmic else width
    return BINS / width * _INSIDE


def _find_last(axis: Axis) -> int:
    """The highest number of a bin that a value can have, from 0 for the first one inside."""
    if isinstance(axis, NumericAxis):
        return BINS
    return axis.codes - 1 if axis.is_cut else axis.codes
