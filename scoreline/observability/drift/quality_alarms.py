"""Alarms that do not wait for a window to end: values that are suddenly all null, constant, out of range or unseen.

The measure is what a block of the baseline ever was, so that weather, which is the same for an hour, rain, which fails
to come for days, and a sensor that is often silent alarm nobody.
"""

from collections import deque

import numpy as np

from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.counts import Counts
from scoreline.observability.drift.hysteresis import Flags, Raised
from scoreline.observability.drift.lengths import LEAST_ROWS
from scoreline.observability.drift.states import Cause, Rule
from scoreline.observability.drift.statistics import (
    Doubles,
    Layout,
    find_missing,
    find_outside,
    find_unseen,
)

ALARMS = ("missing_ratio", "unseen_ratio", "outside_ratio", "largest_bin_ratio")

_LEAST = 0.5
"""Half of the values: less is for windows to judge."""

_USUAL = 0.95
"""Where a block was so nearly all of it, all of it is no surprise."""

_RARE = 0.05
"""Without blocks nobody knows how long a run of the same lasts; what is rarer than this has hardly one."""

_ALL = 0.9999


class QualityAlarms:
    """Looks at the latest rows, at least as many as a block of the baseline has: fewer are the same more often."""

    def __init__(self, baseline: Baseline, layout: Layout) -> None:
        self._layout = layout
        self._limits, rows_a_block = _find_limits(baseline, layout)
        self._rows = max(LEAST_ROWS, rows_a_block)
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        axes = len(self._layout.first)
        self._new_rows = 0
        self._recent: deque[Counts] = deque()
        self._raised = Raised(axes, needed=1)
        self._causes: dict[int, Cause] = {}

    @property
    def causes(self) -> dict[int, Cause]:
        """Of the axes that are raised, by their places."""
        return self._causes

    def look(self, counts: Counts) -> None:
        """Take the next rows; their counts are kept, and not changed later.

        Fewer than `LEAST_ROWS` wait for more, so that as many rows clear an alarm wherever windows end.
        """
        self._recent.append(counts)
        self._new_rows += counts.rows
        if self._new_rows < LEAST_ROWS:
            return
        self._new_rows = 0
        while self._count_rows() - self._recent[0].rows >= self._rows:
            self._recent.popleft()
        if self._count_rows() < self._rows:
            return
        together = self._recent[0]
        if len(self._recent) > 1:
            together = together.copy()
            for later in list(self._recent)[1:]:
                together.add(later)
        ratios = _find_ratios(self._layout, together)
        exceeded: Flags = np.asarray(ratios > self._limits)
        raised = self._raised.update(np.asarray(exceeded.any(axis=0)))
        self._causes = {
            int(axis): self._find_cause(int(axis), ratios, exceeded) or self._causes[int(axis)]
            for axis in np.flatnonzero(raised)
        }

    def _find_cause(self, axis: int, ratios: Doubles, exceeded: Flags) -> Cause | None:
        for name, values, limits, over in zip(ALARMS, ratios, self._limits, exceeded, strict=True):
            if over[axis]:
                return Cause(Rule.QUALITY, name, float(values[axis]), float(limits[axis]), 0)
        return None

    def _count_rows(self) -> int:
        return sum(counts.rows for counts in self._recent)


def _find_ratios(layout: Layout, counts: Counts) -> Doubles:
    """Shares of rows, and the largest bin's share of what is there, where that is enough; shape (alarms, axes)."""
    rows = max(counts.rows, 1)
    bins = counts.bins.astype(np.float64)
    found = [find(layout, bins) / rows for find in (find_missing, find_unseen, find_outside)]
    bins[layout.missing] = 0.0
    present = np.add.reduceat(bins, layout.first)
    enough = present >= max(1.0, min(rows, LEAST_ROWS) / 2)
    largest = np.maximum.reduceat(bins, layout.first) / np.maximum(present, 1.0)
    return np.stack([*found, np.where(enough, largest, 0.0)])


def _find_limits(baseline: Baseline, layout: Layout) -> tuple[Doubles, int]:
    """What has to be exceeded, infinite where nothing would surprise; and the rows of the largest block."""
    if not baseline.blocks:
        usual = _find_ratios(layout, baseline.total)
        limits = np.where(usual < _RARE, np.maximum(_LEAST, (1 + usual) / 2), np.inf)
        limits[-1] = np.inf  # a day of the week is constant for long, and rows without order do not tell
        return limits, LEAST_ROWS
    largest = np.zeros((len(ALARMS), len(layout.first)))
    for block in baseline.blocks:
        np.maximum(largest, _find_ratios(layout, block), out=largest)
    limits = np.maximum(_LEAST, (1 + largest) / 2)
    limits[-1] = _ALL
    # An axis that no block had enough values of has shown nothing, and nothing can be said of it.
    limits[-1][largest[-1] == 0] = np.inf
    return np.where(largest < _USUAL, limits, np.inf), max(block.rows for block in baseline.blocks)
