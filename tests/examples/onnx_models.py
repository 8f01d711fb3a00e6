"""Small ONNX models of several shapes, made by hand, and onnxruntime as the oracle."""

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from scoreline.models.formats import FeatureStatement

ROWS = 150


@dataclass(frozen=True)
class Made:
    """A model, what its publisher has to say, and rows with nulls where they may be."""

    artifact: bytes
    statements: tuple[FeatureStatement, ...]
    rows: np.ndarray
    inputs: dict[str, np.ndarray]
    classes: tuple[str, ...] | None = None

    @property
    def expected(self) -> np.ndarray:
        """What onnxruntime itself gives on one thread, widened to float64."""
        return run(self.artifact, self.inputs)


def run(artifact: bytes, inputs: dict[str, np.ndarray]) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
    (scores,) = session.run(["scores"], inputs)
    return scores.astype(np.float64).reshape(scores.shape if scores.shape[1:] not in ((1,), ()) else len(scores))


def _serialize(nodes, inputs, kind, columns, initializers=()):
    output = helper.make_tensor_value_info("scores", kind, [None, columns])
    graph = helper.make_graph(nodes, "example", inputs, [output], initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="tests")
    onnx.checker.check_model(model)
    return model.SerializeToString()


def make_trees(trees: int = 40) -> Made:
    """Regression on one float32 tensor of three columns; `y` may be null, its nulls go left or right."""
    chance = np.random.default_rng(trees)
    nodes, leaves = [], []
    for tree in range(trees):
        for node in range(7):
            is_leaf, feature = node >= 3, int(chance.integers(3))
            threshold, weight = float(np.float32(chance.normal())), float(np.float32(chance.normal()))
            children = (0, 0) if is_leaf else (2 * node + 1, 2 * node + 2)
            nodes.append((tree, node, feature, threshold, "LEAF" if is_leaf else "BRANCH_LEQ", *children, node % 2))
            if is_leaf:
                leaves.append((tree, node, 0, weight))
    names = ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
    columns = zip((*names, "missing_value_tracks_true"), zip(*nodes, strict=True), strict=True)
    attributes = {f"nodes_{name}": values for name, values in columns}
    targets = zip(("treeids", "nodeids", "ids", "weights"), zip(*leaves, strict=True), strict=True)
    attributes |= {f"target_{name}": values for name, values in targets}
    ensemble = helper.make_node(
        "TreeEnsembleRegressor", ["rows"], ["scores"], domain="ai.onnx.ml", n_targets=1, **attributes
    )
    given = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, 3])
    rows = chance.normal(size=(ROWS, 3))
    rows[:, 2] = chance.integers(0, 5, ROWS)
    rows[::6, 1] = np.nan
    statements = (FeatureStatement("x"), FeatureStatement("y", nullable=True), FeatureStatement("category"))
    artifact = _serialize([ensemble], [given], TensorProto.FLOAT, 1)
    return Made(artifact, statements, rows, {"rows": rows.astype(np.float32)})


def make_classifier() -> Made:
    """Three classes from two inputs of their own, double and int64: the graph names the features."""
    chance = np.random.default_rng(5)
    weights = numpy_helper.from_array(chance.normal(size=(2, 3)), "weights")
    nodes = [
        helper.make_node("Cast", ["count"], ["counted"], to=TensorProto.DOUBLE),
        helper.make_node("Concat", ["size", "counted"], ["rows"], axis=1),
        helper.make_node("MatMul", ["rows", "weights"], ["raw"]),
        helper.make_node("Softmax", ["raw"], ["scores"]),
    ]
    inputs = [
        helper.make_tensor_value_info("size", TensorProto.DOUBLE, [None, 1]),
        helper.make_tensor_value_info("count", TensorProto.INT64, [None, 1]),
    ]
    rows = np.column_stack([chance.normal(size=ROWS), chance.integers(-3, 4, ROWS)])
    given = {"size": rows[:, [0]], "count": rows[:, [1]].astype(np.int64)}
    artifact = _serialize(nodes, inputs, TensorProto.DOUBLE, 3, [weights])
    return Made(artifact, (), rows, given, ("low", "middle", "high"))


def make_network(columns: int = 200) -> Made:
    """Matrix products of doubles: onnxruntime rounds an odd last row otherwise than its neighbours."""
    chance = np.random.default_rng(9)
    first, second = chance.normal(size=(columns, 333)) / columns, chance.normal(size=(333, 1))
    nodes = [
        helper.make_node("MatMul", ["rows", "first"], ["hidden"]),
        helper.make_node("Tanh", ["hidden"], ["bent"]),
        helper.make_node("MatMul", ["bent", "second"], ["scores"]),
    ]
    given = helper.make_tensor_value_info("rows", TensorProto.DOUBLE, [None, columns])
    rows = chance.normal(size=(160, columns))
    weights = [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")]
    artifact = _serialize(nodes, [given], TensorProto.DOUBLE, 1, weights)
    return Made(artifact, tuple(FeatureStatement(f"f{i}") for i in range(columns)), rows, {"rows": rows})


MODELS = {"trees": make_trees, "classifier": make_classifier, "network": make_network}
