"""Predicting: `LightGBMModel` against `Booster.predict`, by number of rows; asserts that the bits are equal.

Run it with `python -m benchmarks.predict`. The model has 200 trees of 63 leaves and 25 features, 7 of them categorical.
"""

import time
from collections.abc import Callable

import lightgbm
import numpy as np

from scoreline.features import FeatureSet, Matrix
from scoreline.models.booster import SINGLE_ROW_CALLS_UP_TO, LightGBMModel
from scoreline.models.feature_rules import find_features
from scoreline.models.inspection import inspect_model

SIZES = (1, 2, 4, 8, 16, 17, 32, 64, 256, 1024)
ROWS, FEATURES, CATEGORICAL = 20_000, 25, 7
ROWS_PER_ROUND = 2048
ROUNDS = 5


def make_matrix() -> Matrix:
    """Seeded rows: 7 columns of category codes, 18 of numbers, one in twenty of them null."""
    random = np.random.default_rng(1)
    matrix = random.normal(size=(ROWS, FEATURES))
    matrix[random.random(matrix.shape) < 0.05] = np.nan
    matrix[:, :CATEGORICAL] = random.integers(0, 40, (ROWS, CATEGORICAL))
    return matrix


def train(matrix: Matrix) -> lightgbm.Booster:
    """The model whose text is published."""
    target = np.nan_to_num(matrix[:, 10] * matrix[:, 11] + matrix[:, 12]) + (matrix[:, 0] % 3 == 0) > 0.5
    data = lightgbm.Dataset(matrix, target.astype(float), categorical_feature=list(range(CATEGORICAL)))
    return lightgbm.train({"objective": "binary", "num_leaves": 63, "verbose": -1, "seed": 1}, data, 200)


def measure(predict: Callable[[Matrix], object], matrix: Matrix, rows: int) -> float:
    """Microseconds a call, the best of some rounds."""
    pieces = [matrix[start : start + rows] for start in range(0, max(ROWS_PER_ROUND, rows), rows)]
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for piece in pieces:
            predict(piece)
        best = min(best, (time.perf_counter() - started) / len(pieces))
    return best * 1e6


def main() -> None:
    """Print microseconds a call, and fail where a single bit differs."""
    matrix = make_matrix()
    text = train(matrix).model_to_string()
    booster = lightgbm.Booster(model_str=text)
    started = time.perf_counter()
    features: FeatureSet = find_features(inspect_model(text.encode()))
    print(f"inspecting {len(text):,} bytes: {(time.perf_counter() - started) * 1e3:.0f} ms")
    model = LightGBMModel(text, features)

    def plain(rows: Matrix) -> object:
        return booster.predict(rows, num_threads=1)

    print(f"µs; single-row calls up to {SINGLE_ROW_CALLS_UP_TO} rows")
    print(f"{'rows':>5} {'Booster.predict':>16} {'LightGBMModel':>14} {'a row':>8}")
    for rows in SIZES:
        assert model.predict(matrix[:rows]).tobytes() == np.asarray(plain(matrix[:rows])).tobytes()
        theirs, ours = measure(plain, matrix, rows), measure(model.predict, matrix, rows)
        print(f"{rows:>5} {theirs:>16.1f} {ours:>14.1f} {ours / rows:>8.2f}")


if __name__ == "__main__":
    main()
