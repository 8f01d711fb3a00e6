"""How many values fell into which bin; counts of two sets of rows add up to the counts of both."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(slots=True)
class Counts:
    """What rows looked like on one grid; whoever owns it guards it.

    Attributes:
        bins: of all axes, one after the other; shape (grid.size,).
        sums: of the values of each numeric axis that are there, exact, not of bins; infinite or NaN where they are no
            double, and then there is no mean; shape (axes,).
        rows: how many rows were counted.
    """

    bins: npt.NDArray[np.int64]
    sums: npt.NDArray[np.float64]
    rows: int

    def add(self, other: "Counts") -> None:
        """Count what another has counted on the same grid."""
        self.bins += other.bins
        with np.errstate(over="ignore", invalid="ignore"):
            self.sums += other.sums
        self.rows += other.rows

    def copy(self) -> "Counts":
        """The same counts, from here on independent."""
        return Counts(self.bins.copy(), self.sums.copy(), self.rows)
