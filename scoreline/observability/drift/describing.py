"""The statistics of a window by name, as people and metrics read them."""

from collections.abc import Mapping

import numpy as np

from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.counts import Counts
from scoreline.observability.drift.statistics import (
    Doubles,
    Layout,
    find_js_distance,
    find_ks,
    find_mean_shift,
    find_missing,
    find_outside,
    find_psi,
    find_unseen,
    share,
)

_NUMERIC_ONLY = frozenset({"ks", "mean_shift", "outside_ratio"})
_CATEGORICAL_ONLY = frozenset({"unseen_ratio"})


def describe(layout: Layout, counts: Counts, baseline: Baseline) -> list[dict[str, float]]:
    """Each axis' statistics of a window against the baseline, without those that mean nothing for it or are not finite.

    Ratios are the window's own, shares of its rows.
    """
    shares, theirs = share(counts.bins, counts.rows), share(baseline.total.bins, baseline.total.rows)
    found: Mapping[str, Doubles] = {
        "js_distance": find_js_distance(layout, shares, theirs),
        "psi": find_psi(layout, counts.bins, counts.rows, baseline.total.bins, baseline.total.rows),
        "ks": find_ks(layout, counts.bins, baseline.total.bins),
        "mean_shift": find_mean_shift(layout, counts, baseline),
        "missing_ratio": find_missing(layout, shares),
        "unseen_ratio": find_unseen(layout, shares),
        "outside_ratio": find_outside(layout, shares),
    }
    described: list[dict[str, float]] = [{} for _ in layout.first]
    for name, values in found.items():
        for axes, excluded in ((layout.numeric, _CATEGORICAL_ONLY), (layout.categorical, _NUMERIC_ONLY)):
            if name not in excluded:
                for axis, value in zip(axes.tolist(), values[axes].tolist(), strict=True):
                    if np.isfinite(value):
                        described[axis][name] = value
    return described
