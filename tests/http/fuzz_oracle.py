"""What a body means to a parser that was written by others, and what the model then has to say."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from scoreline.features import MAX_CODE, Kind, Level
from scoreline.models.feature_rules import FeatureStatement
from scoreline.models.publishing import Publication, publish
from scoreline.models.store import ModelStore

NAME = "fuzzed"
PLACES = ("Zürich", "Bern", "a\tb", "")
SIZES = (3, 5, 9007199254740993)
NAMES = ("x", "strict", "n", "flag", "code", "place", "size", "größe")
KINDS = {"n": Kind.INTEGER, "flag": Kind.BOOLEAN}
LISTS: Mapping[str, tuple[Level, ...] | None] = {"code": None, "place": PLACES, "size": SIZES}
MOST_ROWS = 10_000
_LONGEST_WHOLE = 4000


class Unreadable(Exception):
    """The body is no request, or has a row that cannot be scored."""


class Oracle:
    """A booster, and the rules of the contract written down once more, slowly."""

    def __init__(self, booster: lightgbm.Booster) -> None:
        self._booster = booster

    def score(self, body: bytes, *, ignore_unknown: bool) -> list[float]:
        """What `POST /predict` has to answer.

        Raises:
            Unreadable: it has to refuse the body.
        """
        try:
            whole = json.loads(body.decode(), parse_constant=_refuse, parse_int=_read_whole)
        except (ValueError, RecursionError) as error:
            raise Unreadable from error
        if not isinstance(whole, dict) or set(whole) != {"instances"} or not isinstance(whole["instances"], list):
            raise Unreadable
        rows = whole["instances"]
        if not 0 < len(rows) <= MOST_ROWS:
            raise Unreadable
        matrix = np.array([_read_row(row, ignore_unknown=ignore_unknown) for row in rows])
        found: list[float] = self._booster.predict(matrix, num_threads=1).tolist()
        return found


def publish_model(folder: Path) -> Oracle:
    """A model with a feature of every kind, in a store in this folder, and its oracle."""
    random = np.random.default_rng(7)
    columns = [random.normal(size=400) for _ in range(3)] + [random.integers(0, k, 400) for k in (2, 6, 4, 3)]
    matrix = np.column_stack([*columns, random.normal(size=400)])
    matrix[::7, 0] = np.nan
    data = lightgbm.Dataset(
        matrix,
        matrix[:, 1] + 3 * (matrix[:, 4] % 3) - matrix[:, 5] + matrix[:, 3] * matrix[:, 7] + matrix[:, 2],
        feature_name=list(NAMES),
        categorical_feature=[NAMES.index(name) for name in LISTS],
    )
    settings = {"objective": "regression", "num_leaves": 15, "min_data_in_leaf": 3, "min_data_per_group": 3}
    text = lightgbm.train({**settings, "verbose": -1, "num_threads": 1}, data, 10).model_to_string()
    statements = [
        FeatureStatement(name, kind=Kind.CATEGORICAL, levels=LISTS[name])
        if name in LISTS
        else FeatureStatement(name, kind=KINDS.get(name, Kind.NUMERIC), nullable=name != "strict")
        for name in NAMES
    ]
    publication = Publication(name=NAME, text=text.encode(), by="tests", alias="production", statements=statements)
    publish(ModelStore(str(folder / "models")), publication)
    return Oracle(lightgbm.Booster(model_str=text))


def _read_row(row: Any, *, ignore_unknown: bool) -> list[float]:
    if not isinstance(row, dict) or (set(row) - set(NAMES) and not ignore_unknown):
        raise Unreadable
    return [_read_value(name, row.get(name)) for name in NAMES]


def _read_value(name: str, value: Any) -> float:
    if value is None:
        if name == "strict":
            raise Unreadable
        return math.nan
    if name == "flag" or name == "place":
        if not isinstance(value, bool if name == "flag" else str):
            raise Unreadable
        return float(value) if name == "flag" else _find_code(PLACES, value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable
    number = _to_double(value)
    if name == "size" and math.isfinite(number):
        return _find_code(SIZES, value)
    whole = name in ("n", "code")
    if not math.isfinite(number) or (whole and number % 1) or (name == "code" and not 0 <= number <= MAX_CODE):
        raise Unreadable
    return number


def _find_code(levels: tuple[Level, ...], value: Level) -> float:
    return float(levels.index(value)) if value in levels else math.nan


def _to_double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _read_whole(digits: str) -> int | float:
    """Python refuses to read very long ones as integers."""
    return int(digits) if len(digits) < _LONGEST_WHOLE else float(digits)


def _refuse(constant: str) -> float:
    raise ValueError(constant)
