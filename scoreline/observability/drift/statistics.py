"""How far two sets of counts on one grid lie apart, for all of its axes at once.

Every function takes bins of the grid in the last dimension, as many others in front of it as the caller likes, and
gives one value an axis in their place. The sources are in docs/drift.md.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from scoreline.models.baseline.axes import NumericAxis
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.counts import Counts
from scoreline.models.baseline.grid import Grid

Doubles = npt.NDArray[np.float64]
Bins = npt.NDArray[np.int64] | Doubles
Places = npt.NDArray[np.intp]

PSI_PRIOR = 0.5
"""Rows that each bin is given before PSI is taken, as Jeffreys' prior has it: no bin is empty on one side only."""


@dataclass(frozen=True)
class Layout:
    """Where the bins of a grid's axes lie, for all axes at once.

    Attributes:
        first: bin of each axis; shape (axes,).
        sizes: bins of each axis; shape (axes,).
        numeric, categorical: axes of either kind, by their places.
    """

    first: Places
    sizes: Places
    numeric: Places
    categorical: Places

    @cached_property
    def missing(self) -> Places:
        """Bin of what is missing, of every axis."""
        return self.first + self.sizes - 1

    @cached_property
    def unseen(self) -> Places:
        """Bin of levels that the training did not have, of every categorical axis."""
        return self.missing[self.categorical] - 1

    @cached_property
    def under(self) -> Places:
        """Bin of what is below the lowest end, of every numeric axis."""
        return self.first[self.numeric]

    @cached_property
    def over(self) -> Places:
        """Bin of what is above the highest end, of every numeric axis."""
        return self.missing[self.numeric] - 1


def lay_out(grid: Grid) -> Layout:
    """Find out where the bins of a grid's axes lie."""
    is_numeric = np.array([isinstance(axis, NumericAxis) for axis in grid.axes])
    sizes = np.array([axis.size for axis in grid.axes], dtype=np.intp)
    return Layout(grid.offsets, sizes, np.flatnonzero(is_numeric), np.flatnonzero(~is_numeric))


def share(bins: Bins, rows: float | Doubles) -> Doubles:
    """Shares of rows by bin; 0 where there are no rows."""
    total = np.asarray(rows, dtype=np.float64)[..., np.newaxis]
    return np.divide(bins, total, out=np.zeros(np.broadcast(bins, total).shape), where=total > 0)


def find_js_distance(layout: Layout, ours: Doubles, theirs: Doubles) -> Doubles:
    """Jensen-Shannon distance to base 2, missing values being a bin of their own: 0 alike, 1 nothing in common.

    Args:
        ours, theirs: shares of rows; shape (..., bins).
    """
    middle = ours + theirs
    middle *= 0.5
    middle[middle == 0] = 1.0  # nothing in either: adds nothing, and divides
    divergence = _information(ours, middle)
    divergence += _information(theirs, middle)
    found = np.add.reduceat(divergence, layout.first, axis=-1)
    return np.sqrt(np.maximum(found, 0.0) / 2)


def find_psi(layout: Layout, ours: Bins, our_rows: float, theirs: Bins, their_rows: float) -> Doubles:
    """Population stability index (natural logarithm) of counts, after each bin has been given `PSI_PRIOR` rows."""
    prior = np.repeat(PSI_PRIOR * layout.sizes, layout.sizes)
    mine, other = (ours + PSI_PRIOR) / (our_rows + prior), (theirs + PSI_PRIOR) / (their_rows + prior)
    return np.asarray(np.add.reduceat((mine - other) * np.log(mine / other), layout.first, axis=-1))


def find_ks(layout: Layout, ours: Bins, theirs: Bins) -> Doubles:
    """Kolmogorov-Smirnov statistic of counts: how far the distributions of what is there come apart between bins.

    0 where either side has no value; of categorical axes it means nothing.
    """
    difference = _accumulate(layout, ours) - _accumulate(layout, theirs)
    there = (count_present(layout, ours) > 0) & (count_present(layout, theirs) > 0)
    return np.where(there, np.maximum.reduceat(np.abs(difference), layout.first, axis=-1), 0.0)


def count_present(layout: Layout, bins: Bins) -> Doubles:
    """Values of each axis that are not missing."""
    return np.asarray(np.add.reduceat(bins, layout.first, axis=-1) - bins[..., layout.missing], dtype=np.float64)


def find_missing(layout: Layout, shares: Doubles) -> Doubles:
    """Share of rows whose value is missing."""
    return shares[..., layout.missing]


def find_unseen(layout: Layout, shares: Doubles) -> Doubles:
    """Share of rows with a level that the training did not have; 0 for numeric axes."""
    found = np.zeros((*shares.shape[:-1], len(layout.first)))
    found[..., layout.categorical] = shares[..., layout.unseen]
    return found


def find_outside(layout: Layout, shares: Doubles) -> Doubles:
    """Share of rows with a number below or above the grid's ends; 0 for categorical axes."""
    found = np.zeros((*shares.shape[:-1], len(layout.first)))
    found[..., layout.numeric] = shares[..., layout.under] + shares[..., layout.over]
    return found


def find_means(layout: Layout, counts: Counts) -> Doubles:
    """Exact means of what is there; NaN where nothing is, and for categorical axes."""
    present = count_present(layout, counts.bins)
    means = np.full(len(layout.first), np.nan)
    np.divide(counts.sums, present, out=means, where=present > 0)
    means[layout.categorical] = np.nan
    return means


def find_mean_shift(layout: Layout, counts: Counts, baseline: Baseline) -> Doubles:
    """How many of the baseline's standard deviations the mean lies above the baseline's; NaN where it means nothing."""
    shift = find_means(layout, counts) - baseline.means
    found = np.full(len(shift), np.nan)
    with np.errstate(over="ignore"):  # infinite is as good an answer
        np.divide(shift, baseline.deviations, out=found, where=baseline.deviations > 0)
    return found


def _information(shares: Doubles, middle: Doubles) -> Doubles:
    ratio = shares / middle
    ratio[ratio == 0] = 1.0  # 0 log 0 is 0
    np.log2(ratio, out=ratio)
    ratio *= shares
    return ratio


def _accumulate(layout: Layout, bins: Bins) -> Doubles:
    """Share of what is there that lies in each bin or in one before it; 1 at the bin of what is missing."""
    there = bins.copy()
    there[..., layout.missing] = 0
    running = np.cumsum(there, axis=-1)
    before = running[..., layout.first] - there[..., layout.first]
    running -= np.repeat(before, layout.sizes, axis=-1)
    present = np.repeat(running[..., layout.missing], layout.sizes, axis=-1)
    return np.divide(running, present, out=np.ones(running.shape), where=present > 0)
