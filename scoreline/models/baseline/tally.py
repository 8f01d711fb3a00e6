"""Counts rows piece by piece, and makes a baseline of what was counted."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scoreline.features import Matrix
from scoreline.models.baseline.axes import NumericAxis
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.counts import Counts
from scoreline.models.baseline.grid import Grid
from scoreline.models.baseline.moments import Moments
from scoreline.models.model import Scores

_SLICE_VALUES = 2**18
"""Moments take half a dozen copies of what they are given."""


class Tally:
    """What the rows so far add up to."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._total = grid.make_empty()
        self._moments = Moments(len(grid.axes))

    def add(self, features: Matrix, unseen: npt.NDArray[np.int64], scores: Scores) -> None:
        """Take rows in; the arguments are those of `Grid.count`."""
        self._total.add(self._grid.count(features, unseen, scores))
        outputs = self._grid.take_outputs(scores)
        size = max(1, _SLICE_VALUES // len(self._grid.axes))
        for begin in range(0, len(features), size):
            part = slice(begin, begin + size)
            self._moments.add(np.column_stack([features[part], outputs[part]]))

    def finish(self, *, blocks: Sequence[Counts] | None = None, learned_at_ms: int | None = None) -> Baseline:
        """The baseline of all rows; the arguments are those of `Baseline`."""
        means, deviations = self._moments.finish()
        numeric = np.array([isinstance(axis, NumericAxis) for axis in self._grid.axes])
        means, deviations = np.where(numeric, means, 0.0), np.where(numeric, deviations, 0.0)
        return Baseline(self._grid, self._total, means, deviations, blocks, learned_at_ms)
