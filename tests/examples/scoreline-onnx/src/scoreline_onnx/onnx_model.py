"""An ONNX graph behind scoreline's `Model` interface."""

import numpy as np

from scoreline.errors import ModelRejected
from scoreline.features import FeatureSet, Matrix
from scoreline.models.model import Scores
from scoreline_onnx.graph import Graph

_BLOCK_ROWS = 16
"""onnxruntime multiplies an odd last row by another kernel than pairs of rows, which rounds otherwise (seen with
double). Whole blocks give a row the same bits whatever stands beside it."""


class OnnxModel:
    """Implements `scoreline.models.model.Model`; onnxruntime's sessions may be run by several threads at once."""

    engine = "onnxruntime"
    importances = None

    def __init__(self, artifact: bytes, features: FeatureSet, classes: tuple[str, ...] | None) -> None:
        """Load the graph, and compare it with what the manifest says."""
        self.features = features
        self.classes = classes
        self._graph = Graph(artifact)
        if self._graph.names not in (None, features.names):
            raise ModelRejected(f"the graph's features are {self._graph.names}, but should be {features.names}")
        if self._graph.columns not in (None, len(features)):
            raise ModelRejected(f"the graph takes {self._graph.columns} features, but should take {len(features)}")
        nullable = [features.features[i].name for i in self._graph.whole if features.features[i].nullable]
        if nullable:
            raise ModelRejected(f"{nullable} go into inputs of int64, which have no null: say nullable false")

    def predict(self, features: Matrix) -> Scores:
        """Score whole blocks of rows, the last one filled up with zeros; see `Model.predict`."""
        rows = len(features)
        padded = np.zeros((-(-max(rows, 1) // _BLOCK_ROWS) * _BLOCK_ROWS, len(self.features)))
        padded[:rows] = features
        scores = self._graph.run(padded)[:rows]
        return scores.reshape(rows) if self.classes is None else scores
