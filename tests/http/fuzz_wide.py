"""Requests for a model of very many features none of which may be null: a few values are wrong, or millions.

What is wrong with a request is drawn before its text is made, so that all of what the answer tells is known.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

from scoreline.models.feature_rules import FeatureStatement
from scoreline.models.publishing import Publication, publish
from scoreline.models.store import ModelStore

NAMES = tuple(f"f{i}" for i in range(300))
_TOLD, _DETAILED, _OF_ONE = 1000, 100, 32
_ABSENT = ""
_WRONG = ("null", '"1"', "true", "1e400", "{}", _ABSENT)
_ROWS = (1, 2, 5, 20, 150)


@dataclass(frozen=True, slots=True)
class WideRequest:
    """A request, and what the model has to say to it.

    Attributes:
        rows: shape (rows, features), float64.
        wrong: which values are; shape as that of the rows.
    """

    path: str
    body: bytes
    rows: npt.NDArray[np.float64]
    wrong: npt.NDArray[np.bool_]


class WideMaker:
    """Makes requests from a seed; the first four, and one of eight, are as large as may be, and wrong throughout.

    Args:
        version: number of the model's version under the name.
    """

    def __init__(self, seed: int, name: str, version: int) -> None:
        self._random, self._numbers = Random(seed), np.random.default_rng(seed)
        self._predict = f"/predict?version={version}"
        self._infer = f"/v2/models/{name}/versions/{version}/infer"
        self._made = 0

    def make(self) -> WideRequest:
        """One more request."""
        number, self._made = self._made, self._made + 1
        if number < 4 or number % 8 == 0:
            return self._make_large(number % 4 if number < 4 else number // 8 % 4)
        pick = self._random
        count = pick.choice(_ROWS)
        rows = self._numbers.integers(0, 9, (count, len(NAMES))).astype(np.float64)
        wrong = self._choose_wrong(count)
        bad = pick.choice(_WRONG)
        ways = [self._write_rows, self._write_columns]
        if bad != _ABSENT or not wrong.any():
            ways.append(self._write_matrix)
        return pick.choice(ways)(rows, wrong, bad)

    def _choose_wrong(self, count: int) -> npt.NDArray[np.bool_]:
        pick, wrong = self._random, np.zeros((count, len(NAMES)), dtype=np.bool_)
        way = pick.randrange(5)
        if way == 1:
            wrong[pick.randrange(count), pick.randrange(len(NAMES))] = True
        elif way == 2:
            wrong[:, pick.sample(range(len(NAMES)), pick.choice((1, 40, len(NAMES) - 1)))] = True
        elif way == 3:
            wrong[pick.randrange(count) :, :] = True
        elif way == 4:
            wrong = self._numbers.random((count, len(NAMES))) < pick.choice((0.001, 0.1, 0.9))
        return wrong

    def _make_large(self, kind: int) -> WideRequest:
        """Millions of problems: rows of nulls, one column of all, a matrix of nulls, columns of another type."""
        count = (2300, 10_000, 5000, 5000)[kind]
        rows = np.ones((count, len(NAMES)))
        wrong = np.ones(rows.shape, dtype=np.bool_)
        if kind == 0:
            return self._write_rows(rows, wrong, "null")
        if kind == 1:
            wrong[:, self._random.randrange(len(NAMES))] = False
            return self._write_columns(rows, wrong, _ABSENT)
        return self._write_matrix(rows, wrong, "null") if kind == 2 else self._write_columns(rows, wrong, "true")

    def _write_rows(self, rows: npt.NDArray[np.float64], wrong: npt.NDArray[np.bool_], bad: str) -> WideRequest:
        told = (
            ",".join(f'"{name}":{value}' for name, value in zip(NAMES, each, strict=True) if value != _ABSENT)
            for each in _write_values(rows, wrong, bad)
        )
        text = ",".join(f"{{{each}}}" for each in told)
        return WideRequest(self._predict, f'{{"instances":[{text}]}}'.encode(), rows, wrong)

    def _write_columns(self, rows: npt.NDArray[np.float64], wrong: npt.NDArray[np.bool_], bad: str) -> WideRequest:
        """A column cannot be absent in part: the value is null then."""
        tensors = [
            _write_tensor(name, (len(rows),), [value or "null" for value in column])
            for name, column in zip(NAMES, _write_values(rows.T, wrong.T, bad), strict=True)
            if any(column)
        ]
        if not tensors:
            return self._write_columns(rows, wrong, "null")
        return WideRequest(self._infer, f'{{"inputs":[{",".join(tensors)}]}}'.encode(), rows, wrong)

    def _write_matrix(self, rows: npt.NDArray[np.float64], wrong: npt.NDArray[np.bool_], bad: str) -> WideRequest:
        values = [value for each in _write_values(rows, wrong, bad) for value in each]
        return WideRequest(
            self._infer, f'{{"inputs":[{_write_tensor("all", rows.shape, values)}]}}'.encode(), rows, wrong
        )


class WideOracle:
    """A booster of features that may not be null."""

    def __init__(self, booster: lightgbm.Booster, version: int) -> None:
        self._booster = booster
        self.version = version

    def find_fault(self, asked: WideRequest, status: int, answer: bytes) -> str | None:
        """What is wrong with an answer; None for nothing."""
        told: Mapping[str, Any] = json.loads(answer)
        if not asked.wrong.any():
            if status != 200:
                return "was refused, but should have been answered"
            expected = self._booster.predict(asked.rows, num_threads=1).tolist()
            given = told["predictions"] if "predictions" in told else told["outputs"][0]["data"]
            return None if given == expected else f"should have been {expected[:5]}"
        if status != 422:
            return "should have been refused"
        bad = np.flatnonzero(asked.wrong.any(axis=1))
        if not told["detail"].startswith(f"{len(bad)} of the instances"):
            return f"should have counted {len(bad)} bad rows"
        many = np.minimum(asked.wrong.sum(axis=1)[bad], np.where(np.arange(len(bad)) < _DETAILED, _OF_ONE, 1))
        named: dict[int, set[int]] = {}
        for error in told["errors"]:
            named.setdefault(error["instance"], set()).add(NAMES.index(error["feature"]))
        if any(not asked.wrong[row, column] for row, columns in named.items() for column in columns):
            return "names a value that is right"
        if {row: len(columns) for row, columns in named.items()} != dict(
            zip(bad[:_TOLD].tolist(), many[:_TOLD].tolist(), strict=True)
        ):
            return "tells of other rows, or too much or too little of them"
        return None


def publish_wide_model(folder: Path, name: str) -> WideOracle:
    """The first version under this name in a store in this folder, on no alias, and its oracle."""
    random = np.random.default_rng(5)
    matrix = random.integers(0, 9, (400, len(NAMES))).astype(np.float64)
    data = lightgbm.Dataset(matrix, matrix @ random.normal(size=len(NAMES)), feature_name=list(NAMES))
    settings = {"objective": "regression", "num_leaves": 15, "min_data_in_leaf": 3, "verbose": -1, "num_threads": 1}
    text = lightgbm.train(settings, data, 10).model_to_string()
    statements = [FeatureStatement(each, nullable=False) for each in NAMES]
    publish(
        ModelStore(str(folder / "models")),
        Publication(name=name, text=text.encode(), by="tests", statements=statements),
    )
    return WideOracle(lightgbm.Booster(model_str=text), 1)


def _write_values(rows: npt.NDArray[np.float64], wrong: npt.NDArray[np.bool_], bad: str) -> list[list[str]]:
    texts = np.where(wrong, bad, rows.astype(np.int64).astype("U6"))
    found: list[list[str]] = texts.tolist()
    return found


def _write_tensor(name: str, shape: tuple[int, ...], values: list[str]) -> str:
    return f'{{"name":"{name}","shape":{list(shape)},"datatype":"FP64","data":[{",".join(values)}]}}'
