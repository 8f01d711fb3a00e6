"""A graph as onnxruntime sees it: what it takes, what it gives, and running it on one thread."""

from collections.abc import Mapping

import numpy as np
import onnxruntime

from scoreline.errors import ModelRejected
from scoreline.features import Matrix
from scoreline.models.model import Scores

_NUMBERS = {"tensor(float)": np.float32, "tensor(double)": np.float64}
_INPUTS = {**_NUMBERS, "tensor(int64)": np.int64}
_MATRIX_AXES = 2


class Graph:
    """An inference session. Safe to run from several threads at once.

    Attributes:
        names: of the features, where each has an input of its own; None where one input takes all of them.
        columns: how many features there are; None where the graph does not say.
        whole: positions of features that take whole numbers only, and so no null.
    """

    def __init__(self, artifact: bytes) -> None:
        """Load the graph.

        Raises:
            ModelRejected: onnxruntime refuses it, or it takes or gives something else than numbers by the row.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # scoreline's threads are enough, and one thread sums in one order
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what is wrong is raised
        try:
            self._session = onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no root but this
            raise ModelRejected(f"onnxruntime refuses the model: {error}") from error
        inputs = self._session.get_inputs()
        foreign = [f"{put.name!r} of {put.type}" for put in inputs if put.type not in _INPUTS]
        if foreign or not inputs:
            raise ModelRejected(
                f"inputs have to be tensors of float, double or int64, but here are {foreign or 'none'}"
            )
        self._inputs = [(put.name, _INPUTS[put.type]) for put in inputs]
        self._together = len(inputs) == 1 and (len(inputs[0].shape) != _MATRIX_AXES or inputs[0].shape[1] != 1)
        scores = [put.name for put in self._session.get_outputs() if put.type in _NUMBERS]
        if len(scores) != 1:
            raise ModelRejected(
                f"one output has to be a tensor of float or double, but here are {scores or 'none'}; "
                "export a classifier with zipmap=False"
            )
        self._output = scores
        self.names = None if self._together else tuple(name for name, _ in self._inputs)
        width = inputs[0].shape[-1]
        self.columns = len(inputs) if not self._together else width if isinstance(width, int) else None
        self.whole = [i for i, (_, kind) in enumerate(self._inputs) if kind is np.int64 and not self._together]

    @property
    def provenance(self) -> Mapping[str, str]:
        """Who exported it."""
        facts = self._session.get_modelmeta()
        return {"producer": facts.producer_name, "graph": facts.graph_name}

    def count_scores(self) -> int:
        """Scores a row, found out by scoring one; the graph need not say."""
        if self.columns is None:
            raise ModelRejected("the input's shape does not say how many columns it has: export it with them")
        return self.run(np.zeros((1, self.columns))).reshape(1, -1).shape[1]

    def run(self, matrix: Matrix) -> Scores:
        """Score rows as one call: float64 is rounded to what the inputs take, and the output widened to float64."""
        with np.errstate(over="ignore"):  # beyond float32 is infinite, as a cast in the graph would make it
            if self._together:
                name, kind = self._inputs[0]
                given = {name: matrix.astype(kind)}
            else:
                given = {name: matrix[:, [i]].astype(kind) for i, (name, kind) in enumerate(self._inputs)}
        (scores,) = self._session.run(self._output, given)
        return scores.astype(np.float64)
