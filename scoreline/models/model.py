"""The interface that everything else in scoreline knows a model by."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from scoreline.features import FeatureSet, Matrix

Scores = npt.NDArray[np.float64]
"""What a model gives: shape (rows,), or (rows, classes) for a multi-class model, in class order."""


class Model(Protocol):
    """Scores rows of features; safe to call from several threads at once."""

    @property
    def features(self) -> FeatureSet:
        """What a matrix has to hold, column by column."""
        ...

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes of a multi-class model in the order of its scores; None for all others."""
        ...

    @property
    def engine(self) -> str:
        """What computes the scores, as in `model_info`: `lightgbm`."""
        ...

    @property
    def importances(self) -> tuple[float, ...] | None:
        """How much of what the model has learned comes from each feature, in their order, 1 together; None if unknown.

        Of LightGBM: the share of the gain of all splits.
        """
        ...

    def predict(self, features: Matrix) -> Scores:
        """Score a settled matrix, the same bits for a row whatever stands beside it.

        Args:
            features: shape (rows, len(self.features)), C-contiguous float64, NaN for null; zero rows are allowed.

        Returns:
            Shape (rows,), or (rows, len(self.classes)) for a multi-class model.
        """
        ...


def find_shape_problem(scores: object, rows: int, classes: tuple[str, ...] | None) -> str | None:
    """What keeps an answer to so many rows from being `Scores`, in words; None for the usual case."""
    expected = (rows,) if classes is None else (rows, len(classes))
    if not isinstance(scores, np.ndarray) or scores.dtype != np.float64:
        kind = f"an array of {scores.dtype}" if isinstance(scores, np.ndarray) else f"a {type(scores).__name__}"
        return f"the model gives {kind} as scores, but should give an array of float64"
    if scores.shape != expected:
        return f"the model gives scores of shape {scores.shape}, but should give {expected}"
    return None if scores.flags.c_contiguous else "the model gives scores that are not C-contiguous"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One loaded version: what a batch holds on to from its first row to its last.

    Attributes:
        name: the model's name in the store.
        version: its number, from 1.
        sha256: of the model's artifact, hexadecimal.
    """

    name: str
    version: int
    sha256: str
    model: Model
