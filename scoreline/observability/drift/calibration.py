"""Limits of the calibrated rule: how far windows of the training depart from the rest of it, by size of a window.

Each statistic of each axis has a scale, the most that resampled windows show of it: what is restless by nature has more
room. How much more a window may show that is from a part of the training of its own is the family threshold: the
quantile, over resampled windows, of the largest statistic over its scale, the scale being that of the other parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scoreline.models.baseline.baseline import Baseline
from scoreline.observability.drift.block_sums import AxisGroup, count_rows, group_axes
from scoreline.observability.drift.departures import (
    DEPARTURES,
    count_new,
    find_departures,
    floor_limits,
    from_odds,
    least_limits,
    to_odds,
)
from scoreline.observability.drift.lengths import LEAST_ROWS, LENGTHS, size_of
from scoreline.observability.drift.resampling import PARTS, Resample, draw, find_part
from scoreline.observability.drift.statistics import Doubles, Layout, Places, lay_out, share

LEAST_WINDOWS = 20
"""Fewer windows of a length in a baseline cannot tell what is rare."""

SEED = 20130101

_MOST_RESAMPLES, _FEWEST_RESAMPLES = 2000, 200
_BINS_RESAMPLED = 8_000_000
_UNSEEN = DEPARTURES.index("unseen_ratio")
_TAIL = 0.05


@dataclass(frozen=True, slots=True)
class Rung:
    """Limits for windows of at least so many rows.

    Attributes:
        limits: in the order of `DEPARTURES`; shape (statistics, axes).
        calibrated: whether they come from the baseline's blocks; else they are fixed floors.
    """

    rows: int
    limits: Doubles
    calibrated: bool


class Ladder:
    """Limits by the rows of a window: fewer rows need more room."""

    def __init__(self, rungs: Sequence[Rung]) -> None:
        self._rungs = sorted(rungs, key=lambda rung: rung.rows)

    def find(self, rows: float) -> Rung:
        """The limits for so many rows, at least `LEAST_ROWS`: those of the next smaller size."""
        return next(rung for rung in reversed(self._rungs) if rung.rows <= rows)

    @property
    def is_calibrated(self) -> bool:
        """Whether any limits come from the baseline."""
        return any(rung.calibrated for rung in self._rungs)


def calibrate(baseline: Baseline, *, window_records: int, false_alarm_windows: int) -> Ladder:
    """Find the limits for every size of a window, so that one in `false_alarm_windows` exceeds any of them.

    Takes about half a second of CPU for 30 axes, some 15 for 2,000; the same baseline gives the same limits.

    Raises:
        ValueError: windows shorter than `LEAST_ROWS`, which are never judged.
    """
    if window_records < LEAST_ROWS:
        raise ValueError(f"windows of {window_records} records, expected at least {LEAST_ROWS}")
    lengths = [size_of(length, window_records) for length in LENGTHS]
    sizes = sorted({*lengths, *_smaller_sizes(window_records)})
    blocks = len(baseline.blocks or ())
    most_rows = baseline.total.rows // LEAST_WINDOWS if blocks >= LEAST_WINDOWS else 0
    calibrated = [rows for rows in sizes if rows <= most_rows]
    share_of_each = len(DEPARTURES) * max(1, sum(rows in calibrated for rows in lengths))
    layout = lay_out(baseline.grid)
    rungs: list[Rung] = []
    if calibrated:
        limits = _Calibration(baseline, layout).find_limits(calibrated, 1 / (false_alarm_windows * share_of_each))
        rungs = [Rung(rows, found, calibrated=True) for rows, found in zip(calibrated, limits, strict=True)]
    for rows in sizes[len(calibrated) :]:
        floors = floor_limits(layout, baseline.total.bins, rows)
        # The distance of a sum from the baseline is at most the largest of its parts: where those keep the limits of
        # one window, such a floor keeps silent, and the promise that those limits make stands.
        floors = np.maximum(floors, rungs[-1].limits) if rungs else floors
        rungs.append(Rung(rows, floors, calibrated=False))
    return Ladder(rungs)


def _smaller_sizes(window_records: int) -> set[int]:
    """Of windows that time has ended: halves of a full one, down to the fewest rows that are judged."""
    found, rows = {LEAST_ROWS}, window_records // 2
    while rows >= 2 * LEAST_ROWS:
        found.add(rows)
        rows //= 2
    return found


@dataclass(frozen=True, slots=True)
class _Draw:
    """Resampled windows of one size.

    Attributes:
        stretch: how much more room than theirs smaller windows need, that no block is short enough for.
    """

    rows: int
    windows: Sequence[Resample]
    parts: Places
    stretch: float


class _Calibration:
    def __init__(self, baseline: Baseline, layout: Layout) -> None:
        self._baseline, self._layout = baseline, layout
        self._rows_before = count_rows(baseline)
        resamples = int(np.clip(_BINS_RESAMPLED // baseline.grid.size, _FEWEST_RESAMPLES, _MOST_RESAMPLES))
        self._windows_a_part = resamples // PARTS

    def find_limits(self, sizes: Sequence[int], chance: float) -> list[Doubles]:
        """Limits of each size, exceeded by any axis with that chance for each statistic."""
        draws = [self._draw(rows) for rows in sizes]
        families = [np.zeros((len(DEPARTURES), len(drawn.windows))) for drawn in draws]
        scales: list[list[Doubles]] = [[] for _ in draws]
        most_rows = int(np.diff(self._rows_before).max())
        for group in group_axes(self._baseline, self._layout, most_rows):
            for drawn, family, scale in zip(draws, families, scales, strict=True):
                odds = to_odds(self._measure(group, drawn))
                least = to_odds(least_limits(drawn.rows))
                scale.append(np.maximum(odds.max(axis=1), least))
                for part in range(PARTS):
                    ours = drawn.parts == part
                    others = np.maximum(odds[:, ~ours].max(axis=1), least)[:, np.newaxis]
                    family[:, ours] = np.maximum(family[:, ours], (odds[:, ours] / others).max(axis=2))
        return [
            from_odds(np.concatenate(scale, axis=1) * _find_tail(family, chance)[:, np.newaxis] * drawn.stretch)
            for scale, family, drawn in zip(scales, families, draws, strict=True)
        ]

    def _draw(self, rows: int) -> _Draw:
        blocks = len(self._rows_before) - 1
        rows_a_block = int(self._rows_before[-1]) / blocks
        size = max(1, int(rows / rows_a_block))
        windows = draw(blocks, size, self._windows_a_part, seed=SEED + rows)
        # Departures of a mean grow no faster than the root of what its sample has become smaller by.
        stretch = max(1.0, float(np.sqrt(size * rows_a_block / rows)))
        return _Draw(rows, windows, np.array([window.part for window in windows]), stretch)

    def _measure(self, group: AxisGroup, drawn: _Draw) -> Doubles:
        """Departures of every window from the rest of the baseline; shape (statistics, windows, axes)."""
        running, before = group.running, self._rows_before
        others = [self._count_others(group, part) for part in range(PARTS)]
        found = []
        for first in range(0, len(drawn.windows), self._windows_a_part):
            windows = drawn.windows[first : first + self._windows_a_part]
            bins = np.stack([running[w.ends].sum(axis=0) - running[w.firsts].sum(axis=0) for w in windows])
            rows = np.array([(before[w.ends] - before[w.firsts]).sum() for w in windows], dtype=np.float64)
            shares, rest = share(bins, rows), share(running[-1] - bins, before[-1] - rows)
            departures = find_departures(group.layout, shares, rest)
            departures[_UNSEEN] = count_new(group.layout, shares, others[windows[0].part])
            found.append(departures)
        return np.concatenate(found, axis=1)

    def _count_others(self, group: AxisGroup, part: int) -> Doubles:
        """Shares of the rows of all other parts."""
        begin, end = find_part(len(self._rows_before) - 1, part)
        running, before = group.running, self._rows_before
        return share(running[-1] - running[end] + running[begin], before[-1] - before[end] + before[begin])


def _find_tail(family: Doubles, chance: float) -> Doubles:
    """What a window exceeds with that chance, at least 1; beyond the resampled ones by an exponential tail."""
    windows = family.shape[1]
    found = np.quantile(family, 1 - max(chance, 1 / windows), axis=1, method="higher")
    if chance * windows < 1:
        beginning = np.quantile(family, 1 - _TAIL, axis=1, keepdims=True)
        excess = np.maximum(family - beginning, 0.0).sum(axis=1) / np.maximum((family > beginning).sum(axis=1), 1)
        found += excess * np.log(1 / (chance * windows))
    return np.asarray(np.maximum(found, 1.0))
