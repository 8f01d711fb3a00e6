"""Chunks of batch jobs from their bytes to the bytes of their results, a stage at a time; asserts that each is right.

Run it with `python -m benchmarks.jobs_chunks`.
"""

import hashlib
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from benchmarks import flights
from benchmarks.bounds import Bounds
from scoreline.demo.flights import FEATURES, FIRST_STREAMED_MONTH, load_flights, to_rows
from scoreline.jobs.chunk import Chunk, JobOrder
from scoreline.jobs.cutting import ChunkCutter
from scoreline.jobs.scoring import ChunkScorer
from scoreline.jobs.wire import JobDecoder, encode_chunk, encode_result
from scoreline.models.booster import LightGBMModel
from scoreline.schemas.fixed import JOB_CHUNK_ID, JOB_RESULT_ID, load_fixed
from scoreline.schemas.folder import FolderCatalog
from scoreline.schemas.framing import Framing, prefix_for
from scoreline.testing.fakes import FixedVersions

LEAST_ROWS_PER_CPU_SECOND = 48_000
"""80 % of what the whole stream does with the same model (`end_to_end`); Kafka has to fit into what is above it."""

MOST_CUTTING_SECONDS = 1.5

ROWS = 40_000
ROUNDS = 7
PIECE = 64 * 1024

JOB = "11111111-1111-4111-8111-111111111111"
ORDER = JobOrder(JOB, JOB, "model", 1, ignore_unknown=False, also_known=(), events_partition=0)


def cut(pieces: Iterator[bytes]) -> list[Chunk]:
    cutter = ChunkCutter(ORDER, max_rows=10_000_000, max_line_bytes=1 << 20, digest=hashlib.sha256())
    return [chunk for piece in pieces for chunk in cutter.feed(piece)] + cutter.finish()


def measure(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def measure_cutting(bounds: Bounds) -> None:
    line = b'{"a":"' + b"x" * 490 + b'"}\n'
    block = line * 5000
    pieces = [block[i : i + PIECE] for i in range(0, len(block), PIECE)]

    def run() -> None:
        cutter = ChunkCutter(ORDER, max_rows=10_000_000, max_line_bytes=1 << 20, digest=hashlib.sha256())
        for _ in range(200):
            for piece in pieces:
                cutter.feed(piece)
        cutter.finish()
        assert cutter.rows == 1_000_000

    bounds.at_most("CPU seconds to cut a million rows of 500 bytes", measure(run), MOST_CUTTING_SECONDS)


def main() -> None:
    bounds = Bounds()
    measure_cutting(bounds)
    found = flights.load(ROWS)
    model = LightGBMModel(found.booster.model_to_string(), found.features)
    frame = load_flights()
    rows = to_rows(frame[frame["month"] >= FIRST_STREAMED_MONTH])
    lines = [msgspec.json.encode({n: row[n] for n in FEATURES}) for row, _ in zip(rows, range(ROWS), strict=False)]
    body = b"\n".join(lines)
    chunks = cut(body[i : i + PIECE] for i in range(0, len(body), PIECE))
    prefix = prefix_for(Framing.CONFLUENT, JOB_CHUNK_ID, load_fixed(JOB_CHUNK_ID))
    result_prefix = prefix_for(Framing.CONFLUENT, JOB_RESULT_ID, load_fixed(JOB_RESULT_ID))
    values = [encode_chunk(chunk, prefix) for chunk in chunks]
    decoder = JobDecoder(FolderCatalog(Path("no-folder-of-schemas")), Framing.CONFLUENT)
    scorer = ChunkScorer(FixedVersions({1: model}), clock=time.process_time, wall_clock=time.time)
    expected = found.booster.predict(found.matrix, num_threads=1)
    speeds = []
    stages: dict[str, float] = {}
    for _ in range(ROUNDS):
        began = time.process_time()
        results = []
        for value in values:
            chunk = decoder.decode_chunk(value)
            assert isinstance(chunk, Chunk)
            scored = scorer.score(chunk)
            at = time.process_time()
            encoded = encode_result(scored.result, result_prefix)
            for stage, seconds in {**scored.seconds, "encode": time.process_time() - at}.items():
                stages[stage] = stages.get(stage, 0.0) + seconds
            results.append(encoded)
        speeds.append(ROWS / (time.process_time() - began))
    answers = [decoder.decode_result(value) for value in results]
    np.testing.assert_array_equal(np.concatenate([answer.predictions for answer in answers]), expected)
    for stage, seconds in stages.items():
        print(f"{stage:>8}: {seconds / ROUNDS / ROWS * 1e6:.2f} µs a row")
    print(f"{len(body) / ROWS:.0f} bytes a row, {len(chunks)} chunks")
    bounds.at_least(
        "rows per CPU second, decode + score + encode", statistics.median(speeds), LEAST_ROWS_PER_CPU_SECOND
    )
    bounds.conclude()


if __name__ == "__main__":
    main()
