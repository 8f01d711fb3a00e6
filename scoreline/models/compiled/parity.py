"""Rows on which compiled code has to agree with LightGBM before it may serve."""

import math

import numpy as np
import numpy.typing as npt

from scoreline.features import MAX_CODE, MAX_DOUBLE, Matrix
from scoreline.models.golden import RELATIVE_TOLERANCE, agree
from scoreline.models.inspection import FeatureFacts, ModelFacts
from scoreline.models.model import Scores

PARITY_ROWS = 4096
_SEED = 20130701
_TINY = 5e-324
_ZERO = float(np.float32(1e-35))
"""What LightGBM takes for zero lies within this of it."""

_EXTREMES = np.array([sign * value for value in (0.0, _TINY, 1e-36, _ZERO, 1.0, 1e300, MAX_DOUBLE) for sign in (1, -1)])
_CODES_AT_BORDERS = (0, 1, 31, 32, 33, 63, 64, MAX_CODE - 1, MAX_CODE)
_NULL_SHARES = (0.0, 0.05, 0.5)
_EXTREME_SHARES = (0.0, 0.05, 0.5)


def make_rows(facts: ModelFacts, *, count: int = PARITY_ROWS) -> Matrix:
    """Settled rows, always the same for a model: values at and around thresholds, between them, and extreme; codes
    that are known, unknown and highest; nulls in every feature, also where a record may have none.

    Returns:
        Shape (count, features), C-contiguous.
    """
    random = np.random.default_rng(_SEED)
    rows = np.empty((count, len(facts.features)), dtype=np.float64)
    nulls = random.choice(_NULL_SHARES, count)
    extremes = random.choice(_EXTREME_SHARES, count)
    for column, feature in enumerate(facts.features):
        usual, strange = _code_pools(feature) if feature.categorical else _number_pools(feature, random)
        values = random.choice(usual, count)
        rows[:, column] = np.where(random.random(count) < extremes, random.choice(strange, count), values)
        rows[random.random(count) < nulls, column] = np.nan
    return rows


def find_difference(expected: Scores, scores: Scores) -> str | None:
    """How scores differ by more than a relative 1e-9, None where they do not."""
    if agree(expected, scores):
        return None
    if expected.shape != scores.shape:
        return f"scores have the shape {scores.shape} instead of {expected.shape}"
    wrong = ~np.isclose(scores, expected, rtol=RELATIVE_TOLERANCE, atol=0.0, equal_nan=True)
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    rows = int(wrong.reshape(len(wrong), -1).any(axis=1).sum())
    return (
        f"{rows} of {len(wrong)} rows get other scores than LightGBM gives; one gets {float(scores[place])!r} "
        f"instead of {float(expected[place])!r}"
    )


def _number_pools(feature: FeatureFacts, random: np.random.Generator) -> tuple[npt.NDArray[np.float64], ...]:
    """Usual and strange values of a numeric feature."""
    bounds = feature.thresholds
    around = [bounds, np.nextafter(bounds, math.inf), np.nextafter(bounds, -math.inf)]
    edges = np.concatenate([bounds, feature.span or (), (0.0,)])
    low, high = float(edges.min()), float(edges.max())
    between = low + random.random(max(64, 3 * len(bounds))) * (high - low)
    usual = np.concatenate([*around, between, edges])
    return usual[np.isfinite(usual)], _EXTREMES


def _code_pools(feature: FeatureFacts) -> tuple[npt.NDArray[np.float64], ...]:
    """Usual and strange codes of a categorical feature."""
    highest = max(feature.highest_code, 0)
    usual = np.array(sorted({*feature.codes, *range(min(highest + 3, 4096))}), dtype=np.float64)
    return usual, np.array([*_CODES_AT_BORDERS, highest, highest + 1], dtype=np.float64)
