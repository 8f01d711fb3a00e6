"""Judges of versions that are not loaded any more: who is pinned again is neither learned nor calibrated anew."""

from collections import OrderedDict
from typing import NamedTuple

from scoreline.models.baseline.baseline import Baseline
from scoreline.models.model import ModelVersion
from scoreline.observability.drift.ports import Judge

MOST_KEPT = 32
MOST_KEPT_BINS = 2**21
"""Of their grids together: judge and baseline take about 24 bytes a bin, 50 MiB in all."""


class Calibrated(NamedTuple):
    """A baseline and the judge that was made of it.

    Attributes:
        baseline: without its blocks.
        time_ordered: whether it had any.
    """

    baseline: Baseline
    time_ordered: bool
    judge: Judge


class KeptJudges:
    """Keeps the latest ones; not safe between threads."""

    def __init__(self, *, most: int = MOST_KEPT, most_bins: int = MOST_KEPT_BINS) -> None:
        self._most = most
        self._most_bins = most_bins
        self._kept: OrderedDict[tuple[int, str], Calibrated] = OrderedDict()

    def keep(self, version: ModelVersion, calibrated: Calibrated) -> None:
        """Keep what belongs to a version; what was kept first goes where there are too many."""
        self._kept[_name(version)] = calibrated
        while len(self._kept) > self._most or self._count_bins() > self._most_bins:
            self._kept.popitem(last=False)

    def take(self, version: ModelVersion) -> Calibrated | None:
        """What is kept of a version, for whoever keeps it from now on."""
        return self._kept.pop(_name(version), None)

    def _count_bins(self) -> int:
        return sum(each.baseline.grid.size for each in self._kept.values())


def _name(version: ModelVersion) -> tuple[int, str]:
    return version.version, version.sha256
