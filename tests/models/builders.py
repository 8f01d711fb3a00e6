"""Tiny real models of every objective and shape, trained in milliseconds, and what a test needs around them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from scoreline.features import Feature, FeatureSet, Kind
from scoreline.models.cache import ModelCache
from scoreline.models.feature_rules import FeatureStatement, find_features
from scoreline.models.formats.lightgbm_text import LightGBMFormat
from scoreline.models.golden import Golden, encode_golden, make_rows, to_matrix
from scoreline.models.inspection import ModelFacts, Output, inspect_model
from scoreline.models.manifest import Blob, Manifest
from scoreline.models.store import ModelStore

ROWS = 200
TINY = {
    "num_leaves": 6,
    "min_data_in_leaf": 5,
    "min_data_per_group": 5,
    "cat_smooth": 1,
    "verbose": -1,
    "seed": 1,
    "num_threads": 1,  # more threads than cores make the training of 200 rows take seconds
}
CLASSES = ("setosa", "versicolor", "virginica")


@dataclass(frozen=True)
class Trained:
    """A model with the matrix that it was trained on, nulls as NaN and categories as codes."""

    booster: lightgbm.Booster
    matrix: np.ndarray
    classes: tuple[str, ...] | None = None

    @property
    def text(self) -> bytes:
        return self.booster.model_to_string().encode()

    @property
    def facts(self) -> ModelFacts:
        return inspect_model(self.text)

    @property
    def plain_features(self) -> FeatureSet:
        """The names alone, everything numeric and nullable."""
        return FeatureSet(tuple(Feature(name) for name in self.booster.feature_name()))


def make_matrix(*, nulls: bool = True) -> np.ndarray:
    """Four columns: two numbers, one of them with nulls if wanted; a category code; a constant."""
    random = np.random.default_rng(7)
    matrix = np.column_stack(
        [random.normal(size=ROWS), random.normal(size=ROWS), random.integers(0, 5, ROWS), np.zeros(ROWS)]
    )
    if nulls:
        matrix[::6, 1] = np.nan
    return matrix


def _target(matrix: np.ndarray) -> np.ndarray:
    return 3 * matrix[:, 0] + 2 * np.nan_to_num(matrix[:, 1], nan=1.5) + 6 * np.isin(matrix[:, 2], (1, 3))


def _train(
    parameters: dict[str, Any],
    target: Callable[[np.ndarray], np.ndarray],
    *,
    classes: tuple[str, ...] | None = None,
    nulls: bool = True,
    categorical: bool = True,
    group: list[int] | None = None,
) -> Trained:
    matrix = make_matrix(nulls=nulls)
    names = ["x", "y", "category", "constant"]
    chosen = [2] if categorical else []
    data = lightgbm.Dataset(matrix, target(matrix), feature_name=names, categorical_feature=chosen, group=group)
    return Trained(lightgbm.train({**TINY, **parameters}, data, 4), matrix, classes)


def _thirds(matrix: np.ndarray) -> np.ndarray:
    return np.digitize(_target(matrix), [2.0, 6.0])


def _sign(matrix: np.ndarray) -> np.ndarray:
    return (_target(matrix) > 4).astype(float)


def _custom(scores: np.ndarray, data: lightgbm.Dataset) -> tuple[np.ndarray, np.ndarray]:
    return scores - data.get_label(), np.ones(len(scores))


def _softmax(scores: np.ndarray, data: lightgbm.Dataset) -> tuple[np.ndarray, np.ndarray]:
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares = exponents / exponents.sum(axis=1, keepdims=True)
    return shares - np.eye(3)[data.get_label().astype(int)], 2 * shares * (1 - shares)


SHAPES: dict[str, Callable[[], Trained]] = {
    "regression": lambda: _train({"objective": "regression"}, _target),
    "quantile": lambda: _train({"objective": "quantile", "alpha": 0.8}, _target),
    "poisson": lambda: _train({"objective": "poisson"}, lambda m: np.abs(_target(m))),
    "binary": lambda: _train({"objective": "binary"}, _sign),
    "multiclass": lambda: _train({"objective": "multiclass", "num_class": 3}, _thirds, classes=CLASSES),
    "multiclassova": lambda: _train({"objective": "multiclassova", "num_class": 3}, _thirds, classes=CLASSES),
    "lambdarank": lambda: _train({"objective": "lambdarank"}, _thirds, group=[20] * (ROWS // 20)),
    "linear_tree": lambda: _train({"objective": "regression", "linear_tree": True}, _target, categorical=False),
    "linear_multiclass": lambda: _train(
        {"objective": "multiclass", "num_class": 3, "linear_tree": True}, _thirds, classes=CLASSES, nulls=False
    ),
    "dart": lambda: _train({"objective": "binary", "boosting": "dart", "drop_rate": 0.5}, _sign),
    "random_forest": lambda: _train(
        {"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}, _target
    ),
    "zero_as_missing": lambda: _train({"objective": "regression", "zero_as_missing": True}, _target),
    "use_missing_false": lambda: _train({"objective": "regression", "use_missing": False}, _target),
    "custom": lambda: _train({"objective": _custom}, _target),
    "custom_multiclass": lambda: _train({"objective": _softmax, "num_class": 3}, _thirds, classes=CLASSES),
    "single_leaf": lambda: _train({"objective": "regression", "min_data_in_leaf": ROWS}, _target),
    "pandas": lambda: train_with_levels(),  # noqa: PLW0108  it is defined below
}


@cache
def train(shape: str) -> Trained:
    """The model of a shape, trained once in a process."""
    return SHAPES[shape]()


LEVELS = ("Zürich, HB", 'a"b', "東京", "plain")


@cache
def train_with_levels() -> Trained:
    """A model with string and integer levels, its text as if it had been trained from a pandas frame.

    Codes and level lists are all that LightGBM makes of categories; so no test process needs pandas for it.
    """
    random = np.random.default_rng(3)
    place, size = random.integers(0, len(LEVELS), ROWS), random.integers(0, 3, ROWS)
    matrix = np.column_stack([place, random.normal(size=ROWS), size, random.random(ROWS) > 0.5]).astype(np.float64)
    target = (place == 2) * 2.0 + matrix[:, 1] + (size == 2) + matrix[:, 3]
    names = ["place", "x", "size", "flag"]
    lists = [list(LEVELS), [3, 5, 9]]
    return Trained(train_with_lists(matrix, target, names, ["place", "size"], lists, rounds=4), matrix)


def train_with_lists(
    matrix: np.ndarray,
    target: np.ndarray,
    names: list[str],
    categorical: list[str],
    lists: list[list[Any]],
    *,
    rounds: int = 3,
) -> lightgbm.Booster:
    """Train on codes, with the level lists that a pandas frame would have given."""
    data = lightgbm.Dataset(matrix, target, feature_name=names, categorical_feature=categorical)
    data.pandas_categorical = lists
    return lightgbm.train({**TINY, "objective": "regression"}, data, rounds)


def score_with_lightgbm(trained: Trained, matrix: np.ndarray) -> np.ndarray:
    """The oracle: a booster made from the same text."""
    scores = lightgbm.Booster(model_str=trained.text.decode()).predict(matrix, num_threads=1)
    assert isinstance(scores, np.ndarray)
    return scores


def statements_for(trained: Trained) -> tuple[FeatureStatement, ...]:
    """What a publisher has to say of a model that does not tell of nulls."""
    if trained.facts.use_missing:
        return ()
    return tuple(FeatureStatement(name, nullable=False) for name in trained.booster.feature_name())


def put_version(store: ModelStore, name: str, trained: Trained, **changes: Any) -> Manifest:
    """Publish without a child process: the oracle gives the golden scores."""
    features = find_features(trained.facts, statements_for(trained))
    rows = make_rows(trained.facts, features, count=4)
    matrix = to_matrix(features, rows)
    features.settle(matrix)
    golden = Golden(rows, score_with_lightgbm(trained, matrix), synthetic=True)
    content = {
        "name": name,
        "version": 1,
        "created": store.now(),
        "by": "test",
        "format": "lightgbm",
        "blobs": {
            "model": store.add_blob(name, trained.text),
            "golden": store.add_blob(name, encode_golden(golden)),
        },
        "output": trained.facts.output,
        "objective": trained.facts.objective,
        "features": features.features,
        "classes": trained.classes,
    }
    return store.add_version(Manifest(**{**content, **changes}))


def score_in_process(model_format, artifact, features, classes, rows, *, time_limit_seconds, behind=False):
    """In place of `probe_model`, for models that are known to be sound: a child takes a third of a second."""
    model_format.check(artifact, features)
    return model_format.load(artifact, features, classes).predict(rows)


class InProcess:
    """In place of a child, likewise."""

    def __init__(self, model_format, artifact, features, classes, *, time_limit_seconds):
        self._given = model_format, artifact, features, classes
        self._options = {"time_limit_seconds": time_limit_seconds}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def score(self, rows):
        return score_in_process(*self._given, rows, **self._options)

    def finish(self):
        pass


def trusting_cache(folder: Path, *manifests: Manifest) -> ModelCache:
    """A cache that remembers these versions as probed, so that no child process is started."""
    cache_ = ModelCache(folder)
    for manifest in manifests:
        cache_.remember_probed(manifest.blobs["model"], manifest.feature_set, LightGBMFormat().runtime)
    return cache_


MANIFEST = Manifest(
    name="flights",
    version=3,
    created="2026-01-02T03:04:05+00:00",
    by="ann@host",
    format="lightgbm",
    blobs={"model": Blob.of(b"text"), "golden": Blob.of(b"rows")},
    output=Output.PROBABILITIES,
    objective="multiclass num_class:2",
    classes=("on time", "délayed"),
    features=(
        Feature("x", nullable=False),
        Feature("place", Kind.CATEGORICAL, field="origin.place", levels=("Zürich, HB", 3, 2.5, False)),
        Feature("flag", Kind.BOOLEAN, optional=True),
    ),
    training={"trees": 12},
    metrics={"auc": 0.91},
    tags={"run": "42"},
)
"""Of a model that was never trained: enough for a store."""
