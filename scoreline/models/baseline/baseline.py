"""A baseline: the counts that later ones are compared with and, where rows had an order in time, those of its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from scoreline.models.baseline.counts import Counts
from scoreline.models.baseline.grid import Grid

MOST_BLOCKS = 512


class Origin(StrEnum):
    """Where a baseline comes from."""

    PUBLISHED = "published"
    LEARNED = "learned"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What rows of the training looked like, or the first ones that a process has scored.

    Attributes:
        total: counts of all rows.
        means: of each numeric axis, 0 for others; shape (axes,).
        deviations: standard deviations, likewise.
        blocks: counts of consecutive blocks of rows in the order of time; None where there was no such order.
        learned_at_ms: when the rows were there, milliseconds since the epoch; None of a published one.
    """

    grid: Grid
    total: Counts
    means: npt.NDArray[np.float64]
    deviations: npt.NDArray[np.float64]
    blocks: Sequence[Counts] | None = None
    learned_at_ms: int | None = None

    @property
    def origin(self) -> Origin:
        """Published with the version, or learned by this process."""
        return Origin.PUBLISHED if self.learned_at_ms is None else Origin.LEARNED
