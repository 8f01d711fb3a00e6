"""The grid: from rows to counts by one `bincount`, at about a hundredth of what scoring them costs."""

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
    _features: "_Columns" = field(init=False, repr=False, compare=False)
    _outputs: "_Columns" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sizes = np.array([axis.size for axis in self.axes], dtype=np.intp)
        features = [axis for axis in self.axes if not axis.is_output]
        if any(axis.is_output for axis in self.axes[: len(features)]):
            raise ValueError("outputs come after all features")
        derived: dict[str, Any] = {
            "offsets": np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp),
            "_features": _Columns(features),
            "_outputs": _Columns(self.axes[len(features) :]),
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
        bins, sums = self._features.count(features)
        self._features.move_unseen(bins, unseen)
        output_bins, output_sums = self._outputs.count(self.take_outputs(scores))
        return Counts(np.concatenate([bins, output_bins]), np.concatenate([sums, output_sums]), len(features))

    def take_outputs(self, scores: Scores) -> Matrix:
        """The scores that there are axes for, one column an axis."""
        return scores[:, np.newaxis] if scores.ndim == 1 else scores[:, : self._outputs.width]

    def slice_of(self, axis: int) -> slice:
        """Where the bins of an axis lie in the flat counts."""
        return slice(int(self.offsets[axis]), int(self.offsets[axis]) + self.axes[axis].size)


class _Columns:
    """Axes of one matrix: everything about them that counting needs, one value a column.

    A slice of rows is counted while the processor's nearest caches hold it, and what is to be done to it is laid out
    as long as a slice: numpy's loops are then long ones, and not one for each row.
    """

    def __init__(self, axes: Sequence[Axis]) -> None:
        sizes = np.array([axis.size for axis in axes], dtype=np.intp)
        offsets = np.cumsum(sizes) - sizes
        self._size = int(sizes.sum())
        self.width = len(axes)
        self._slice_rows = max(1, max(_SLICE_VALUES, self._size) // max(1, self.width))
        numeric = [isinstance(axis, NumericAxis) for axis in axes]
        self._lowest = self._lay_out([axis.lowest if isinstance(axis, NumericAxis) else 0.0 for axis in axes])
        self._scale = self._lay_out([_find_scale(axis) for axis in axes])
        self._first = self._lay_out([-1.0 if under else 0.0 for under in numeric])  # codes have none under them
        self._last = self._lay_out([_find_last(axis) for axis in axes])
        self._begin = self._lay_out(offsets + numeric)
        self._missing = self._lay_out(offsets + sizes - 1)
        self._logarithmic = np.flatnonzero([isinstance(axis, NumericAxis) and axis.logarithmic for axis in axes])
        levelled = [isinstance(axis, CategoricalAxis) and axis.levels is not None for axis in axes]
        self._levelled = np.flatnonzero(levelled)
        self._missing_at = (offsets + sizes - 1)[self._levelled]

    def count(self, matrix: Matrix) -> tuple[npt.NDArray[np.int64], Doubles]:
        """Bins, flat, and the sum of what is there in each column."""
        bins, sums = np.zeros(self._size, dtype=np.int64), np.zeros(self.width)
        if not self.width:
            return bins, sums
        with np.errstate(over="ignore"):  # what is too far away for a double lies outside all the same
            for begin in range(0, len(matrix), self._slice_rows):
                rows = matrix[begin : begin + self._slice_rows]
                sums += np.einsum("ij->j", np.where(np.isnan(rows), 0.0, rows))
                bins += np.bincount(self._find_bins(rows), minlength=self._size)
        return bins, sums

    def move_unseen(self, bins: npt.NDArray[np.int64], unseen: npt.NDArray[np.int64]) -> None:
        """Levels that nobody has seen came as NaN; of rows that were left out since, more may be told than are here."""
        if len(self._levelled) and unseen.any():
            moved = np.minimum(unseen[self._levelled], bins[self._missing_at])
            bins[self._missing_at] -= moved
            bins[self._missing_at - 1] += moved

    def _find_bins(self, rows: Matrix) -> npt.NDArray[np.intp]:
        """Where in the flat counts each value belongs; nulls stay NaN until the end."""
        places = np.array(rows, dtype=np.float64, order="C").ravel()
        count = places.size
        places -= self._lowest[:count]
        if len(self._logarithmic):
            table = places.reshape(rows.shape)
            above = table[:, self._logarithmic]
            table[:, self._logarithmic] = np.log1p(np.maximum(above, 0.0)) + np.minimum(above, 0.0)
        places *= self._scale[:count]
        np.maximum(places, self._first[:count], out=places)
        np.minimum(places, self._last[:count], out=places)
        places += self._begin[:count]
        np.fmin(places, self._missing[:count], out=places)
        return places.astype(np.intp)

    def _lay_out(self, values: npt.ArrayLike) -> Doubles:
        """One value a column, again for each row of a slice."""
        return np.tile(np.asarray(values, dtype=np.float64), self._slice_rows)


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
