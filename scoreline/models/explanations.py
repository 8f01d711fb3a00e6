"""Why a row has the score that it has: what each of its features adds to the model's base."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from scoreline.errors import ModelRejected, NotExplainable
from scoreline.features import Matrix
from scoreline.models.model import Model, Scores

Outputs = npt.NDArray[np.intp]
"""Which of its scores is meant, for each row; shape (rows,)."""

Contributions = npt.NDArray[np.float64]
"""What each feature adds, in the model's order, and last the base; shape (rows, features + 1)."""


@runtime_checkable
class Explainer(Protocol):
    """What a `Model` may be besides; safe to call from several threads at once, while others predict.

    An engine that wraps another model passes the call on to it.
    """

    def explain(self, features: Matrix, outputs: Outputs) -> Contributions:
        """Take scores apart, in the units of the raw score: what comes before a sigmoid, a softmax or the like.

        Args:
            features: settled, as for `Model.predict`.
            outputs: from 0, below the number of the model's scores a row.

        Returns:
            Shape (rows, features + 1); the sum of a row is its raw score, but for rounding.

        Raises:
            NotExplainable: not of this model.
        """
        ...


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature adds to a raw score."""

    feature: str
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """One raw score, taken apart.

    Attributes:
        base: what the model expects when it knows nothing of the row.
        features: those that add most or take away most, the weightiest first; equal ones in the model's order.
    """

    base: float
    features: Sequence[Contribution]


def find_contributions(model: Model, features: Matrix, scores: Scores) -> Contributions:
    """Take apart what was scored; of a multi-class model the score of the predicted class.

    Args:
        features: settled; shape (rows, features).
        scores: what `model.predict` gave for them.

    Raises:
        NotExplainable: the model is of a kind that cannot be explained.
        ModelRejected: it broke its promise of one contribution a feature and a base.
    """
    if not isinstance(model, Explainer):
        raise NotExplainable(f"a model of the engine {model.engine!r} does not tell what its features contribute")
    outputs = np.zeros(len(features), dtype=np.intp) if scores.ndim == 1 else np.argmax(scores, axis=1)
    contributions = model.explain(features, outputs)
    expected = (len(features), len(model.features) + 1)
    if contributions.shape != expected:
        raise ModelRejected(f"the model gave contributions of shape {contributions.shape} instead of {expected}")
    return contributions


def select_largest(names: Sequence[str], contributions: Contributions, count: int) -> list[Explanation]:
    """The explanation of each row by its `count` weightiest features, or by all where it has no more.

    Args:
        names: of the features, in the model's order.
        contributions: finite; shape (rows, features + 1).
        count: from 1.
    """
    added, bases = contributions[:, :-1], contributions[:, -1]
    order = np.argsort(-np.abs(added), axis=1, kind="stable")[:, :count]
    largest = np.take_along_axis(added, order, axis=1)
    return [
        Explanation(base, [Contribution(names[i], value) for i, value in zip(places, values, strict=True)])
        for base, places, values in zip(bases.tolist(), order.tolist(), largest.tolist(), strict=True)
    ]
