"""Ranks of values: what an area under a curve and a rank correlation are made of."""

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def find_ranks(values: Doubles) -> Doubles:
    """Rank of each value from 1, ties at their mean rank; shape as given.

    >>> find_ranks(np.array([0.5, 0.1, 0.5])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Doubles = np.cumsum(counts) - (counts - 1) / 2.0
    return ranks[places]
