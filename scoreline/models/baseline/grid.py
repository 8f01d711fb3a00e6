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
            scores: shape (rows,) or (rows, classes).
        """
        bins, sums = self._features.count(features)
        self._features.move_unseen(bins, unseen)
        output_bins, output_sums = self._outputs.count(scores.reshape(len(features), -1))
        return Counts(np.concatenate([bins, output_bins]), np.concatenate([sums, output_sums]), len(features))

    def slice_of(self, axis: int) -> slice:
        """Where the bins of an axis lie in the flat counts."""
        return slice(int(self.offsets[axis]), int(self.offsets[axis]) + self.axes[axis].size)


class _Columns:
    """Axes of one matrix: everything about them that counting needs, one value a column."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        sizes = np.array([axis.size for axis in axes], dtype=np.intp)
        numeric = [isinstance(axis, NumericAxis) for axis in axes]
        self._size = int(sizes.sum())
        self._offsets = (np.cumsum(sizes) - sizes).astype(np.float64)
        self._lowest = np.array([axis.lowest if isinstance(axis, NumericAxis) else 0.0 for axis in axes])
        self._scale = np.array([_find_scale(axis) for axis in axes])
        self._shift = np.array(numeric, dtype=np.float64)  # codes have no bin for what lies under them
        self._last = np.array([axis.size - 2 for axis in axes], dtype=np.float64)
        self._missing = self._offsets + sizes - 1
        self._logarithmic = np.flatnonzero([isinstance(axis, NumericAxis) and axis.logarithmic for axis in axes])
        levelled = [isinstance(axis, CategoricalAxis) and axis.levels is not None for axis in axes]
        self._levelled = np.flatnonzero(levelled)
        self._unseen_at = (self._missing[self._levelled] - 1).astype(np.intp)
        self._missing_at = self._missing[self._levelled].astype(np.intp)

    def count(self, matrix: Matrix) -> tuple[npt.NDArray[np.int64], Doubles]:
        """Bins, flat, and the sum of what is there in each column."""
        absent = np.isnan(matrix)
        places = matrix - self._lowest
        sums = np.where(absent, 0.0, matrix).sum(axis=0)
        if len(self._logarithmic):
            above = places[:, self._logarithmic]
            places[:, self._logarithmic] = np.where(above > 0, np.log1p(np.maximum(above, 0)), above)
        places *= self._scale
        places += self._shift
        np.maximum(places, 0.0, out=places)
        np.minimum(places, self._last, out=places)
        np.floor(places, out=places)
        places += self._offsets
        np.copyto(places, self._missing, where=absent)
        return np.bincount(places.astype(np.intp).ravel(), minlength=self._size), sums

    def move_unseen(self, bins: npt.NDArray[np.int64], unseen: npt.NDArray[np.int64]) -> None:
        """Levels that nobody has seen came as NaN."""
        if len(self._levelled) and unseen.any():
            bins[self._unseen_at] += unseen[self._levelled]
            bins[self._missing_at] -= unseen[self._levelled]


def _find_scale(axis: Axis) -> float:
    if isinstance(axis, CategoricalAxis):
        return 1.0
    width = axis.highest - axis.lowest
    width = float(np.log1p(width)) if axis.logarithmic else width
    return BINS / width * _INSIDE
