"""Fakes of the core's interfaces that compute something checkable."""

from collections.abc import Mapping, Sequence

import numpy as np

from scoreline.errors import ModelNotFound
from scoreline.features import Feature, FeatureSet, Matrix
from scoreline.models.model import Model, ModelVersion, Scores


class WeightedSum:
    """A `Model` whose score is the weighted sum of its features, nulls counting as zero."""

    engine = "fake"

    def __init__(
        self, features: Sequence[Feature], weights: Sequence[float], classes: tuple[str, ...] | None = None
    ) -> None:
        self.features = FeatureSet(tuple(features))
        self.classes = classes
        self._weights = np.asarray(weights, dtype=np.float64)

    def predict(self, features: Matrix) -> Scores:
        """Score by the weights; class k of a multi-class model gets (k + 1) times the sum."""
        total: Scores = np.nan_to_num(features) @ self._weights
        if self.classes is None:
            return total
        return np.outer(total, np.arange(1.0, len(self.classes) + 1))


class FixedVersions:
    """`Versions` over models in a dictionary; `aliases` may be changed by a test at any time."""

    def __init__(
        self, models: Mapping[int, Model], aliases: Mapping[str, int] | None = None, name: str = "model"
    ) -> None:
        self._versions = {n: ModelVersion(name, n, f"{n:064x}", model) for n, model in models.items()}
        self.aliases = {"production": max(models), **(aliases or {})}

    def resolve(self, selector: str | None = None) -> ModelVersion:
        """The version that a number, an alias or `latest` names."""
        if selector == "latest":
            return self._versions[max(self._versions)]
        name = "production" if selector is None else selector
        number = int(name) if name.isdigit() else self.aliases.get(name)
        if number not in self._versions:
            raise ModelNotFound(f"there is no version {selector!r}")
        return self._versions[number]
