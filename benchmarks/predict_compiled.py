"""Predicting compiled against predicting with LightGBM, by number of rows, on the flights' model; bits are compared.

Run it with `python -m benchmarks.predict_compiled`. Both are measured in turn, round after round; the bound is the
median of the rounds' ratios. Also told: what compiling costs, and loading what was compiled earlier.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bounds import Bounds
from benchmarks.flights import load
from benchmarks.usage import resident_mib
from scoreline.features import Matrix
from scoreline.models.booster import LightGBMModel
from scoreline.models.compiled.artifacts import Artifacts
from scoreline.models.compiled.cancellation import Cancellation
from scoreline.models.compiled.compiler import ModelCompiler
from scoreline.models.compiled.model import CompiledModel
from scoreline.models.feature_rules import find_features
from scoreline.models.golden import Golden, make_rows, to_matrix
from scoreline.models.inspection import inspect_model
from scoreline.models.manifest import Blob

ROWS = 20_000
SIZES = (1, 16, 256, 1024, 2048)
ROUNDS = 7
ROWS_A_ROUND = 8192
CALLS_AT_MOST = 500
BOUND_ROWS, LEAST_RATIO = 1024, 3.5


def measure(predict: Callable[[Matrix], object], matrix: Matrix, rows: int) -> float:
    """Microseconds a row, over one round."""
    calls = min(max(1, ROWS_A_ROUND // rows), CALLS_AT_MOST)
    pieces = [matrix[start : start + rows] for start in range(0, calls * rows, rows)]
    started = time.perf_counter()
    for piece in pieces:
        predict(piece)
    return (time.perf_counter() - started) / (calls * rows) * 1e6


def compile_flights(plain: LightGBMModel, text: bytes, golden: Golden) -> CompiledModel:
    """Compile once in a child process, and load once more what was kept."""
    with tempfile.TemporaryDirectory(prefix="scoreline-benchmark-") as folder:
        compiler = ModelCompiler(Artifacts(Path(folder)))
        for what in ("compiled", "kept"):
            memory, started = resident_mib(os.getpid()), time.perf_counter()
            compilation = compiler.compile(plain, Blob.of(text).sha256, text, golden, Cancellation())
            assert compilation.model is not None, compilation.refused
            seconds = time.perf_counter() - started
            print(
                f"{what}: {seconds:.2f} s, {resident_mib(os.getpid()) - memory:.0f} MiB more in this process, "
                f"bits equal in {compilation.equal_rows:.2%} of the compared rows"
            )
        return compilation.model


def main() -> None:
    """Print microseconds a row, and fail where a bit differs or the ratio is too small."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    flights = load(ROWS)
    text = flights.booster.model_to_string().encode()
    facts = inspect_model(text)
    features = find_features(facts)
    plain = LightGBMModel(text.decode(), features)
    rows = make_rows(facts, features)
    golden_rows = to_matrix(features, rows)
    features.settle(golden_rows)
    compiled = compile_flights(plain, text, Golden(rows, plain.predict(golden_rows), synthetic=True))
    assert compiled.predict(flights.matrix).tobytes() == plain.predict(flights.matrix).tobytes()

    found: dict[int, list[tuple[float, float]]] = {size: [] for size in SIZES}
    for _ in range(options.rounds):
        for size in SIZES:
            both = measure(plain.predict, flights.matrix, size), measure(compiled.predict, flights.matrix, size)
            found[size].append(both)
    print(f"{'rows':>5} {'plain, µs a row':>16} {'compiled':>9} {'ratio':>6} {'rows a second':>14}")
    ratios = {size: statistics.median(a / b for a, b in pairs) for size, pairs in found.items()}
    for size, pairs in found.items():
        theirs, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{size:>5} {theirs:>16.2f} {ours:>9.2f} {ratios[size]:>6.2f} {1e6 / ours:>14,.0f}")
    bounds = Bounds()
    bounds.at_least(f"compiled over plain, batches of {BOUND_ROWS:,}", ratios[BOUND_ROWS], LEAST_RATIO)
    bounds.at_least("compiled over plain, one row", ratios[1], 1.0)
    bounds.conclude()


if __name__ == "__main__":
    main()
