"""How good predictions were, once the truth is known."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def area_under_curve(labels: npt.NDArray[np.float64], scores: Sequence[float]) -> float:
    """Area under the ROC curve, ties counted half (Mann-Whitney U over the number of pairs).

    Args:
        labels: 1.0 or 0.0, both at least once.
        scores: one for each label.

    >>> area_under_curve(np.array([0.0, 0.0, 1.0, 1.0]), [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    _, inverse, counts = np.unique(np.asarray(scores), return_inverse=True, return_counts=True)
    last_rank = np.cumsum(counts)
    mean_rank = last_rank - (counts - 1) / 2
    positive = labels == 1.0
    n_positive = int(positive.sum())
    n_negative = len(labels) - n_positive
    rank_sum = float(mean_rank[inverse][positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
