"""A model as native code behind the `Model` interface."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from scoreline.features import FeatureSet, Matrix
from scoreline.models.booster import LightGBMModel
from scoreline.models.explanations import Contributions, Outputs
from scoreline.models.model import Scores


class Code(Protocol):
    """A loaded function, in memory as long as this lives."""

    @property
    def call(self) -> Callable[[int, int, int], None]:
        """Scores contiguous rows: their address, that of the scores, and how many; releases the interpreter's lock."""
        ...


class CompiledModel:
    """The trees of a `LightGBMModel` as native code. Safe to call from several threads at once.

    Attributes:
        plain: the model that it was compiled from, for what LightGBM alone can do.
    """

    engine = "compiled"

    def __init__(self, code: Code, plain: LightGBMModel) -> None:
        """Take code that has been shown to agree with the model."""
        self.plain = plain
        self.features: FeatureSet = plain.features
        self.classes = plain.classes
        self.importances = plain.importances
        self._code = code
        self._call = code.call

    def explain(self, features: Matrix, outputs: Outputs) -> Contributions:
        """See `LightGBMModel.explain`, which does it."""
        return self.plain.explain(features, outputs)

    def predict(self, features: Matrix) -> Scores:
        """See `scoreline.models.model.Model.predict`; equal to `plain.predict` to a relative 1e-9."""
        rows, columns = features.shape
        if columns != len(self.features):
            raise ValueError(f"the model takes {len(self.features)} features, but the matrix has {columns}")
        whole = np.ascontiguousarray(features, dtype=np.float64)
        scores = np.empty(rows if self.classes is None else (rows, len(self.classes)), dtype=np.float64)
        self._call(whole.__array_interface__["data"][0], scores.__array_interface__["data"][0], rows)
        return scores
