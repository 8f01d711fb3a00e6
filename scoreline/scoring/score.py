"""Scores settled rows, for whoever brings them."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoreline.errors import ModelRejected
from scoreline.features import Matrix
from scoreline.models.model import ModelVersion, Scores

FEW_VALUES = 8
_NOWHERE: npt.NDArray[np.intp] = np.empty(0, dtype=np.intp)


class Scored(NamedTuple):
    """What scoring a settled matrix gave.

    Attributes:
        scores: of all rows, also of those that are not finite.
        infinite: positions of rows whose output is not a finite number; usually empty.
    """

    scores: Scores
    infinite: npt.NDArray[np.intp]


def score(version: ModelVersion, features: Matrix) -> Scored:
    """Score settled rows and find those whose output may not go out.

    Raises:
        ModelRejected: the model broke its promise of one score (or one per class) a row.
    """
    scores = version.model.predict(features)
    classes = version.model.classes
    expected = (len(features),) if classes is None else (len(features), len(classes))
    if scores.shape != expected:
        raise ModelRejected(
            f"{version.name} {version.version} gave scores of shape {scores.shape} instead of {expected}"
        )
    # Plain comparisons for a few values, as in `FeatureSet.settle`.
    if scores.size <= FEW_VALUES and all(map(math.isfinite, scores.ravel().tolist())):
        return Scored(scores, _NOWHERE)
    finite = np.isfinite(scores) if scores.ndim == 1 else np.isfinite(scores).all(axis=1)
    return Scored(scores, np.flatnonzero(~finite))
