"""Fakes of the core's interfaces that compute something checkable."""

from collections.abc import Mapping, Sequence

import numpy as np

from scoreline.errors import ModelNotFound
from scoreline.features import Feature, FeatureSet, Matrix
from scoreline.models.explanations import Contributions, Outputs
from scoreline.models.live_route import LiveRoute
from scoreline.models.model import Model, ModelVersion, Scores
from scoreline.models.routes import Route


class WeightedSum:
    """A `Model` whose score is the weighted sum of its features, nulls counting as zero."""

    engine = "fake"
    importances: tuple[float, ...] | None = None

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

    def explain(self, features: Matrix, outputs: Outputs) -> Contributions:
        """What each feature adds to a score; the base is zero."""
        added = np.nan_to_num(features) * self._weights * (outputs[:, np.newaxis] + 1.0)
        return np.column_stack([added, np.zeros(len(features))])


class FixedVersions:
    """`Versions` over models in a dictionary, all of them resident; a test may change `aliases` at any time."""

    def __init__(
        self, models: Mapping[int, Model], aliases: Mapping[str, int | Route] | None = None, name: str = "model"
    ) -> None:
        self._versions = {n: ModelVersion(name, n, f"{n:064x}", model) for n, model in models.items()}
        self.aliases = {"production": max(models), **(aliases or {})}

    def resolve(self, selector: str | None = None) -> LiveRoute:
        """What a number, an alias or `latest` names."""
        route = self.find_resident("production" if selector is None else selector)
        if route is None:
            raise ModelNotFound(f"there is no version {selector!r}")
        return route

    def find_resident(self, selector: str) -> LiveRoute | None:
        """The same without raising."""
        if selector == "latest":
            return LiveRoute((self._versions[max(self._versions)],))
        meaning = int(selector) if selector.isdigit() else self.aliases.get(selector)
        route = Route.to(meaning) if isinstance(meaning, int) and meaning in self._versions else meaning
        return LiveRoute.load(route, [self._versions[n] for n in route.versions]) if isinstance(route, Route) else None
