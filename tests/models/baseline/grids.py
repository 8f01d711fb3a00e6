"""Grids and rows that the tests of baselines share."""

import numpy as np

from scoreline.features import Feature, FeatureSet, Kind
from scoreline.models.baseline.axes import CategoricalAxis, NumericAxis
from scoreline.models.baseline.grid import Grid

LEVELS = ("a", "b", "c")
FEATURES = FeatureSet(
    (
        Feature("speed"),
        Feature("rain"),
        Feature("place", Kind.CATEGORICAL, levels=LEVELS),
        Feature("code", Kind.CATEGORICAL),
    )
)
GRID = Grid(
    (
        NumericAxis("speed", -2.0, 3.0),
        NumericAxis("rain", 0.0, 400.0, logarithmic=True),
        CategoricalAxis("place", 3, LEVELS),
        CategoricalAxis("code", 5),
        NumericAxis("output:prediction", 0.0, 1.0, is_output=True),
    )
)
NOTHING_UNSEEN = np.zeros(4, dtype=np.int64)


def make_rows(count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Settled rows of `FEATURES` with nulls, codes up to 4, and scores for them."""
    random = np.random.default_rng(seed)
    matrix = np.column_stack(
        [
            random.normal(0.5, 1.5, count),
            random.exponential(40.0, count),
            random.integers(0, 3, count).astype(float),
            random.integers(0, 5, count).astype(float),
        ]
    )
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    return matrix, random.random(count)
