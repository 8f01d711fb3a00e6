"""Compiled code of the tiny models, made in this process: what a child process does, without the child."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from scoreline.models.booster import LightGBMModel
from scoreline.models.compiled.cancellation import Cancellation
from scoreline.models.compiled.compiler import ModelCompiler
from scoreline.models.compiled.forest import write_forest
from scoreline.models.compiled.model import CompiledModel
from scoreline.models.compiled.native import NativeCode, compile_object
from scoreline.models.compiled.outcomes import Compilation
from scoreline.models.golden import Golden, make_rows, to_matrix
from scoreline.models.model_text import split_model_text
from tests.models.builders import SHAPES, Trained, score_with_lightgbm, train

REFUSED = ("multiclassova", "linear_tree", "linear_multiclass")
COMPILED = tuple(shape for shape in SHAPES if shape not in REFUSED)


def load_plain(trained: Trained) -> LightGBMModel:
    return LightGBMModel(trained.text.decode(), trained.plain_features, trained.classes)


@cache
def make_objects(shape: str) -> tuple[bytes, ...]:
    with TemporaryDirectory() as folder:
        return tuple(map(compile_object, write_forest(split_model_text(train(shape).text), Path(folder))))


@cache
def compile_here(shape: str) -> CompiledModel:
    return CompiledModel(NativeCode(make_objects(shape)), load_plain(train(shape)))


def make_golden(trained: Trained) -> Golden:
    """Golden rows of a model whose features are all numbers."""
    rows = make_rows(trained.facts, trained.plain_features, count=4)
    return Golden(rows, score_with_lightgbm(trained, to_matrix(trained.plain_features, rows)), synthetic=True)


def compile_in_child(compiler: ModelCompiler, shape: str, *, golden: Golden | None = None) -> Compilation:
    trained = train(shape)
    sha256 = f"{np.frombuffer(shape.encode(), np.uint8).sum():064x}"
    return compiler.compile(load_plain(trained), sha256, trained.text, golden or make_golden(trained), Cancellation())
