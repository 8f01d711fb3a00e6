"""Mean and standard deviation of columns whose rows come in pieces, exact to rounding, and finite for all doubles."""

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


class Moments:
    """Means and standard deviations of the columns of pieces of one matrix; nulls and infinities are passed over.

    The sums of squares of two pieces are merged as in Chan, Golub, LeVeque (1983), "Algorithms for computing the sample
    variance". Values are halved in their exponent where their squares would be no doubles.

    Args:
        columns: how many there are.
    """

    def __init__(self, columns: int) -> None:
        self._counts = np.zeros(columns)
        self._means = np.zeros(columns)
        self._deviations = np.zeros(columns)

    def add(self, matrix: Doubles) -> None:
        """Take rows in; shape (rows, columns)."""
        present = np.isfinite(matrix)
        counts = present.sum(axis=0).astype(np.float64)
        some = np.maximum(counts, 1.0)
        size = _find_size(np.abs(matrix).max(axis=0, initial=0.0, where=present))
        scaled = np.where(present, matrix, 0.0) / size
        means = scaled.sum(axis=0) / some
        squares = np.where(present, scaled - means, 0.0)
        np.square(squares, out=squares)
        self._merge(counts, means * size, np.sqrt(squares.sum(axis=0) / some) * size)

    def finish(self) -> tuple[Doubles, Doubles]:
        """Mean and standard deviation (of the population) of each column, 0 where nothing was there."""
        return self._means.copy(), self._deviations.copy()

    def _merge(self, counts: Doubles, means: Doubles, deviations: Doubles) -> None:
        total = np.maximum(self._counts + counts, 1.0)
        share, others = counts / total, self._counts / total
        # Each of them halved: the distance between two doubles may be none.
        apart = means / 2 - self._means / 2
        size = _find_size(np.max([np.abs(apart), deviations, self._deviations], axis=0))
        variance = (
            others * np.square(self._deviations / size)
            + share * np.square(deviations / size)
            + 4 * others * share * np.square(apart / size)
        )
        self._means = others * self._means + share * means
        self._deviations = np.sqrt(variance) * size
        self._counts += counts


def _find_size(largest: Doubles) -> Doubles:
    """A power of two near each value, so that dividing by it is exact; 1 where the value is 0."""
    _, exponents = np.frexp(largest)
    return np.where(largest > 0, np.ldexp(1.0, np.clip(exponents, -1000, 1000)), 1.0)
