"""Blocks of a baseline a few axes at a time, each group as running sums: any run of blocks is then one subtraction."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoreline.models.baseline.baseline import Baseline
from scoreline.observability.drift.statistics import Layout, Places

_CELLS_HELD = 16_000_000
"""Of blocks times bins, 2 bytes each for blocks of up to 65,535 rows: blocks are unpacked once for so many."""

_BINS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class AxisGroup:
    """A few axes that lie side by side.

    Attributes:
        layout: of them alone.
        running: counts of all blocks before each; shape (blocks + 1, bins of the group).
    """

    layout: Layout
    running: Places


def count_rows(baseline: Baseline) -> Places:
    """Rows of all blocks before each; shape (blocks + 1,)."""
    rows = [0, *(block.rows for block in baseline.blocks or ())]
    return np.cumsum(rows, dtype=np.intp)


def group_axes(baseline: Baseline, layout: Layout, most_rows: int) -> Iterator[AxisGroup]:
    """Every axis once, in the order of the grid; memory is bounded, however many axes there are.

    Args:
        most_rows: of a block.
    """
    blocks = baseline.blocks or ()
    for held in _split(layout, slice(0, len(layout.first)), _CELLS_HELD // max(1, len(blocks))):
        bins = _bins_of(layout, held)
        cells = np.empty((len(blocks), bins.stop - bins.start), dtype=np.min_scalar_type(most_rows))
        for i, block in enumerate(blocks):
            cells[i] = block.bins[bins]
        for axes in _split(layout, held, _BINS_AT_ONCE):
            yield AxisGroup(_narrow(layout, axes), _sum_up(cells, _bins_of(layout, axes), bins.start))


def _split(layout: Layout, axes: slice, most_bins: int) -> Iterator[slice]:
    """Groups of axes with so many bins at most, or of one axis with more."""
    first, bins = axes.start, 0
    for axis in range(axes.start, axes.stop):
        size = int(layout.sizes[axis])
        if axis > first and bins + size > most_bins:
            yield slice(first, axis)
            first, bins = axis, 0
        bins += size
    yield slice(first, axes.stop)


def _bins_of(layout: Layout, axes: slice) -> slice:
    return slice(int(layout.first[axes.start]), int(layout.missing[axes.stop - 1]) + 1)


def _sum_up(cells: npt.NDArray[np.unsignedinteger], bins: slice, begin: int) -> Places:
    running = np.zeros((len(cells) + 1, bins.stop - bins.start), dtype=np.intp)
    np.cumsum(cells[:, bins.start - begin : bins.stop - begin], axis=0, out=running[1:])
    return running


def _narrow(layout: Layout, axes: slice) -> Layout:
    def keep(places: Places) -> Places:
        return np.asarray(places[(places >= axes.start) & (places < axes.stop)] - axes.start)

    first = layout.first[axes] - layout.first[axes.start]
    return Layout(first, layout.sizes[axes], keep(layout.numeric), keep(layout.categorical))
