"""What the calibrated rule compares: four statistics of an axis, each 0 where a window is as the baseline is."""

import numpy as np
import numpy.typing as npt

from scoreline.observability.drift.statistics import (
    Doubles,
    Layout,
    find_js_distance,
    find_missing,
    find_outside,
    find_unseen,
)

DEPARTURES = ("js_distance", "missing_ratio", "unseen_ratio", "outside_ratio")

FLOORS = np.array([0.5, 0.05, 0.01, 0.05])
"""Limits where the baseline cannot tell what is rare; shape (statistics,)."""

LEAST = np.array([0.05, 0.01, 0.005, 0.05])
"""No limit is lower: less is no matter to anybody, however steady the training was; shape (statistics,)."""

LEAST_VALUES = 5
"""Nor is it lower than so many rows of a window."""


def find_departures(layout: Layout, shares: Doubles, baseline: Doubles) -> Doubles:
    """How far shares of rows have departed from those of the baseline.

    Args:
        shares, baseline: shape (..., bins).

    Returns:
        By statistic in the order of `DEPARTURES`; shape (4, ..., axes). Of a ratio, how far it lies from the
        baseline's, up or down.
    """
    ratios = [
        np.abs(find(layout, shares) - find(layout, baseline)) for find in (find_missing, find_unseen, find_outside)
    ]
    return np.stack([find_js_distance(layout, shares, baseline), *ratios])


def count_new(layout: Layout, shares: Doubles, rest: Doubles) -> Doubles:
    """Share of rows with levels that the other parts of a training do not have: unseen, had it been those alone.

    Args:
        rest: shares of the rows of the other parts; shape (bins,).
    """
    new = np.add.reduceat(np.where(rest == 0, shares, 0.0), layout.first, axis=-1)
    found = np.zeros_like(new)
    found[..., layout.categorical] = new[..., layout.categorical]
    return np.asarray(found)


def least_limits(rows: float) -> Doubles:
    """The lowest that any limit may be for so many rows; shape (statistics, 1)."""
    return np.asarray(np.maximum(LEAST, np.array([0.0, 1.0, 1.0, 1.0]) * LEAST_VALUES / rows)[:, np.newaxis])


def floor_limits(layout: Layout, baseline_bins: npt.NDArray[np.int64], rows: float) -> Doubles:
    """Fixed limits, and what chance alone makes of a Jensen-Shannon distance twice; shape (statistics, axes).

    For small differences 8 ln 2 times the divergence of two samples of one distribution is chi-squared over their
    sizes, with a degree of freedom less than there are bins.
    """
    filled = np.add.reduceat(baseline_bins > 0, layout.first).astype(np.float64)
    total = np.add.reduceat(baseline_bins, layout.first).astype(np.float64)
    chance = (filled - 1) / (8 * np.log(2)) * (1 / rows + 1 / np.maximum(total, 1.0))
    limits = np.repeat(FLOORS[:, np.newaxis], len(layout.first), axis=1)
    limits[0] = np.maximum(limits[0], 2 * np.sqrt(chance))
    return np.asarray(np.maximum(limits, least_limits(rows)))


def to_odds(values: Doubles) -> Doubles:
    """Values between 0 and 1 on a scale without an end, so that something can be twice as much as nearly 1."""
    return np.asarray(values / np.maximum(1 - values, 1e-9))


def from_odds(odds: Doubles) -> Doubles:
    """The way back from `to_odds`."""
    return np.asarray(odds / (1 + odds))
