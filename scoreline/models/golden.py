"""Golden rows: inputs with the scores that they have to give, kept with every version."""

import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from scoreline.errors import ModelRejected
from scoreline.features import UNSEEN, Feature, FeatureSet, Kind, Level, Matrix
from scoreline.models.inspection import FeatureFacts, ModelFacts
from scoreline.models.model import Scores

Value = float | int | bool | str | None
Row = Sequence[Value]
"""One value a feature, in the model's order; levels as they are, null where there is no value."""

RELATIVE_TOLERANCE = 1e-9
"""Another CPU's `exp` differs in the last bits; a wrong model differs by more."""

SYNTHETIC_ROWS = 32
_NULL_SHARE = 0.1
_MOST_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Golden:
    """Rows with the scores that they have to give.

    Attributes:
        synthetic: made from the model's own thresholds: they prove integrity, not training.
        scores: shape (rows,) or (rows, classes).
    """

    rows: Sequence[Row]
    scores: Scores
    synthetic: bool


def to_matrix(features: FeatureSet, rows: Sequence[Row]) -> Matrix:
    """Raw values as the matrix that decoding a record would give, not settled; shape (rows, features).

    Raises:
        TypeError: a value is text, but the feature takes numbers.
    """
    matrix = np.empty((len(rows), len(features)), dtype=np.float64)
    for column, feature in enumerate(features):
        codes = feature.codes
        for i, row in enumerate(rows):
            matrix[i, column] = _to_number(feature, codes, row[column])
    return matrix


def _to_number(feature: Feature, codes: Mapping[Level, int], value: Value) -> float:
    if value is None:
        return np.nan
    if feature.levels is not None:
        return codes.get(value, UNSEEN)
    if isinstance(value, str):
        raise TypeError(f"feature {feature.name!r} has to be a number, but is {value!r}")
    return float(value)


def agree(expected: Scores, scores: Scores) -> bool:
    """Whether scores are what they have to be, to a relative 1e-9."""
    return expected.shape == scores.shape and bool(
        np.isclose(scores, expected, rtol=RELATIVE_TOLERANCE, atol=0.0, equal_nan=True).all()
    )


def encode_golden(golden: Golden) -> bytes:
    """As JSON, the scores as hexadecimal floats."""
    scores = [[score.hex() for score in row] for row in golden.scores.reshape(len(golden.rows), -1).tolist()]
    content = {"synthetic": golden.synthetic, "rows": golden.rows, "scores": scores}
    return msgspec.json.encode(content)


class _GoldenJson(msgspec.Struct, frozen=True):
    synthetic: bool
    rows: list[list[float | int | bool | str | None]]
    scores: list[list[str]]


def decode_golden(data: bytes, *, features: int, outputs: int, classes: bool) -> Golden:
    """Read golden rows of a model with so many features and scores a row.

    Args:
        classes: whether scores have a second axis.

    Raises:
        ModelRejected: they are damaged or do not fit the model.
    """
    try:
        content = msgspec.json.decode(data, type=_GoldenJson)
        scores = np.array([[float.fromhex(score) for score in row] for row in content.scores], dtype=np.float64)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
        raise ModelRejected(f"the golden rows are damaged: {error}") from error
    if any(len(row) != features for row in content.rows) or scores.shape != (len(content.rows), outputs):
        raise ModelRejected(f"the golden rows do not fit a model with {features} features and {outputs} scores a row")
    return Golden(content.rows, scores if classes else scores[:, 0], content.synthetic)


def make_rows(facts: ModelFacts, features: FeatureSet, *, count: int = SYNTHETIC_ROWS, seed: int = 0) -> list[Row]:
    """Rows that reach many leaves: values at and around thresholds, levels, and nulls where they may be."""
    chance = random.Random(seed)  # noqa: S311  to vary, not to hide
    pools = [_candidates(mine, feature) for mine, feature in zip(facts.features, features, strict=True)]
    rows: list[Row] = []
    for i in range(count):
        row: list[Value] = []
        for feature, pool in zip(features, pools, strict=True):
            if feature.nullable and chance.random() < _NULL_SHARE:
                row.append(None)
            else:
                # The first row has each feature's last candidate: of a level list, its end.
                row.append(pool[-1] if i == 0 else chance.choice(pool))
        rows.append(row)
    return rows


def _candidates(facts: FeatureFacts, feature: Feature) -> list[Any]:
    if feature.levels is not None:
        return list(feature.levels)
    if feature.kind is Kind.BOOLEAN:
        return [False, True]
    if feature.kind is Kind.CATEGORICAL:
        return list(facts.codes) or sorted({0, max(facts.highest_code, 0)})
    bounds = [float(threshold) for threshold in facts.thresholds]
    values = [*bounds, *(math.nextafter(bound, math.inf) for bound in bounds), *(facts.span or ()), 0.0]
    if feature.kind is Kind.INTEGER:
        return sorted({round(value) for value in values if abs(value) <= _MOST_EXACT})
    return sorted({value for value in values if math.isfinite(value)})


def describe_difference(expected: Scores, scores: Scores) -> str:
    """Where scores differ most from what they have to be, in words."""
    if expected.shape != scores.shape:
        return f"scores have shape {scores.shape} instead of {expected.shape}"
    wrong = ~np.isclose(scores, expected, rtol=RELATIVE_TOLERANCE, atol=0.0, equal_nan=True)
    row = int(np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))[0])
    expected_text, text = json.dumps(expected[row].tolist()), json.dumps(scores[row].tolist())
    return f"{int(wrong.sum())} scores differ; golden row {row} should give {expected_text}, but gives {text}"
