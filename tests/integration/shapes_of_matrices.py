"""Models of every objective, trained on a matrix: two numbers, a category code and a column that never varies."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.integration.shape_case import ASKED, ROWS, TINY, Case

NAMES = ["x", "y", "category", "constant"]
EDGES = [0.0, -0.0, 1e-36, -1e-36, 5e-324, 1e6, -1e6]


def make_matrix(seed: int, rows: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    columns = [random.normal(size=rows), random.normal(size=rows), random.integers(0, 5, rows), np.zeros(rows)]
    matrix = np.column_stack(columns)
    matrix[::6, 1] = np.nan
    return matrix


def ask_matrix() -> np.ndarray:
    """Rows with values at the edges, nulls wherever they may be, and a category that training never saw."""
    matrix = make_matrix(2, ASKED)
    matrix[: len(EDGES), 0] = EDGES
    matrix[len(EDGES) : 2 * len(EDGES), 1] = EDGES
    matrix[3::7, 2] = 77
    matrix[4::9, :] = np.nan
    return matrix


def target_of(matrix: np.ndarray) -> np.ndarray:
    return 3 * matrix[:, 0] + 2 * np.nan_to_num(matrix[:, 1], nan=1.5) + 6 * np.isin(matrix[:, 2], (1, 3))


def sign_of(matrix: np.ndarray) -> np.ndarray:
    return (target_of(matrix) > 4).astype(float)


def thirds_of(matrix: np.ndarray) -> np.ndarray:
    return np.digitize(target_of(matrix), [2.0, 6.0])


def positive_of(matrix: np.ndarray) -> np.ndarray:
    return np.abs(target_of(matrix)) + 0.1


def trained(
    target: Callable[[np.ndarray], np.ndarray] = target_of,
    *,
    categorical: Sequence[int] = (2,),
    group: Sequence[int] | None = None,
    said: Mapping[str, Any] | None = None,
    refused_without: bool = False,
    **parameters: Any,
) -> Case:
    import lightgbm as lgb

    matrix = make_matrix(1, ROWS)
    data = lgb.Dataset(matrix, target(matrix), feature_name=NAMES, categorical_feature=list(categorical), group=group)
    asked = ask_matrix()
    return Case(lgb.train({**TINY, **parameters}, data, 5), asked, said or {}, refused_without)


def push(scores: np.ndarray, data: Any) -> tuple[np.ndarray, np.ndarray]:
    return scores - data.get_label(), np.ones(len(scores))


def soften(scores: np.ndarray, data: Any) -> tuple[np.ndarray, np.ndarray]:
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares = exponents / exponents.sum(axis=1, keepdims=True)
    return shares - np.eye(3)[data.get_label().astype(int)], 2 * shares * (1 - shares)


def stopped_early() -> Case:
    import lightgbm as lgb

    matrix, other = make_matrix(1, ROWS), make_matrix(3, ROWS)
    data = lgb.Dataset(matrix, target_of(matrix), feature_name=NAMES, categorical_feature=[2])
    valid = lgb.Dataset(other, -target_of(other), reference=data)
    stop = lgb.early_stopping(4, verbose=False)
    booster = lgb.train(
        {**TINY, "learning_rate": 0.01}, data, 30, [valid], callbacks=[stop], keep_training_booster=True
    )
    booster.best_iteration = 3  # as if it had been so: more trees are there, which predict leaves out
    assert booster.current_iteration() > booster.best_iteration
    return Case(booster, ask_matrix())


def continued() -> Case:
    import lightgbm as lgb

    first = trained().model
    matrix = make_matrix(4, ROWS)
    data = lgb.Dataset(matrix, target_of(matrix), feature_name=NAMES, categorical_feature=[2])
    return Case(lgb.train(TINY, data, 3, init_model=first), ask_matrix())


def saved_as_a_file() -> Case:
    case = trained(sign_of, objective="binary")
    file = Path(tempfile.mkdtemp()) / "model.txt"
    case.model.save_model(file)
    return Case(file, case.asked)


def saved_by_mlflow() -> Case:
    from tests.models.mlflow_folders import write_mlflow_folder

    inputs = [{"type": "double", "name": "x"}, {"type": "long", "name": "constant"}]
    folder = Path(tempfile.mkdtemp()) / "model"
    write_mlflow_folder(folder, trained().model.model_to_string().encode(), inputs=inputs)
    return Case(folder, ask_matrix())


def objective(name: str, target: Callable[[np.ndarray], np.ndarray] = target_of, **more: Any) -> Callable[[], Case]:
    return lambda: trained(target, objective=name, **more)


NUMERIC = {"categorical": ()}
KNOWN = {"features": [{"name": name, "nullable": name == "y"} for name in NAMES]}

MATRIX_SHAPES: dict[str, Callable[[], Case]] = {
    "l2": objective("regression"),
    "l2_sqrt": objective("regression", reg_sqrt=True),
    "l1": objective("regression_l1"),
    "huber": objective("huber"),
    "fair": objective("fair"),
    "mape": objective("mape", positive_of),
    "poisson": objective("poisson", positive_of),
    "gamma": objective("gamma", positive_of),
    "tweedie": objective("tweedie", positive_of),
    "quantile": objective("quantile", alpha=0.8),
    "binary": objective("binary", sign_of, sigmoid=0.7, is_unbalance=True),
    "cross_entropy": objective("cross_entropy", sign_of),
    "cross_entropy_lambda": objective("cross_entropy_lambda", sign_of),
    "multiclass": objective("multiclass", thirds_of, num_class=3, said={"classes": ["a, b", "é", "東"]}),
    "multiclassova": objective("multiclassova", thirds_of, num_class=3),
    "lambdarank": objective("lambdarank", thirds_of, group=[20] * (ROWS // 20)),
    "rank_xendcg": objective("rank_xendcg", thirds_of, group=[20] * (ROWS // 20)),
    "custom": lambda: trained(objective=push),
    "custom_multiclass": lambda: trained(thirds_of, objective=soften, num_class=3),
    "linear_tree": objective("regression", linear_tree=True, **NUMERIC),
    "linear_multiclass": objective("multiclass", thirds_of, num_class=3, linear_tree=True, **NUMERIC),
    "dart": objective("binary", sign_of, boosting="dart", drop_rate=0.5),
    "random_forest": objective("regression", boosting="rf", bagging_freq=1, bagging_fraction=0.6),
    "goss": objective("regression", data_sample_strategy="goss", learning_rate=0.5),
    "zero_as_missing": objective("regression", zero_as_missing=True),
    "use_missing_false": objective("regression", use_missing=False, said=KNOWN, refused_without=True),
    "single_leaf": objective("regression", min_data_in_leaf=ROWS),
    "single_leaf_binary": objective("binary", sign_of, min_data_in_leaf=ROWS),
    "stopped_early": stopped_early,
    "continued": continued,
    "file": saved_as_a_file,
    "mlflow_folder": saved_by_mlflow,
}
