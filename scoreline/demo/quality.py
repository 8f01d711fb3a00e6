"""How good predictions were, once the truth is known."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scoreline.observability.ranks import find_ranks

Labels = npt.NDArray[np.float64]

LEAST_PROBABILITY = float(np.finfo(np.float64).eps)
"""As the service takes none for less: one wrong certainty would make the mean infinite."""


def area_under_curve(labels: Labels, scores: Sequence[float]) -> float:
    """Area under the ROC curve, ties counted half (Mann-Whitney U over the number of pairs).

    Args:
        labels: 1.0 or 0.0, both at least once.
        scores: one for each label.

    >>> area_under_curve(np.array([0.0, 0.0, 1.0, 1.0]), [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    positive = labels == 1.0
    n_positive = int(positive.sum())
    n_negative = len(labels) - n_positive
    rank_sum = float(find_ranks(np.asarray(scores))[positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def log_loss(labels: Labels, probabilities: Sequence[float]) -> float:
    """Mean of minus the logarithm of the probability that what happened was given, in nats.

    >>> round(log_loss(np.array([1.0, 0.0]), [0.5, 0.5]), 6)
    0.693147
    """
    given = np.asarray(probabilities)
    of_truth = np.where(labels == 1.0, given, 1.0 - given)
    return float(-np.log(np.maximum(of_truth, LEAST_PROBABILITY)).mean())
