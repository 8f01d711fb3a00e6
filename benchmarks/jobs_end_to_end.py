"""A large batch job on a real broker, and a small one behind it; asserts that every prediction is right.

Run it with `python -m benchmarks.jobs_end_to_end [--rows N]`.
"""

import argparse
import json
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from benchmarks.usage import cpu_seconds, peak_mib
from scoreline.cli.topics import create_topics
from scoreline.config.environment import PREFIX, Variable
from scoreline.config.settings import load_settings
from scoreline.kafka.cluster.admin import open_admin
from scoreline.local.broker import KafkaBroker
from scoreline.models.publishing import Publication, publish
from scoreline.models.store import ModelStore
from scoreline.testing.service import ServiceProcess

FEATURES = [f"f{n}" for n in range(25)]
KINDS = 5_000
"""Different rows, which the job repeats."""

SMALL_ROWS = 10
MOST_SMALL_SECONDS = 2.0
ANSWER_SECONDS = 600.0
POLL_SECONDS = 0.02


def main() -> None:
    """Measure, print, and fail where the small job had to wait."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows // KINDS * KINDS
    rng = np.random.default_rng(7)
    matrix = rng.normal(size=(KINDS, len(FEATURES))).round(5)
    data = lgb.Dataset(matrix, matrix[:, 0] + matrix[:, 1] * matrix[:, 2], feature_name=FEATURES)
    booster = lgb.train({"verbosity": -1, "num_leaves": 63}, data, 200)
    lines = [json.dumps(dict(zip(FEATURES, row, strict=True))).encode() + b"\n" for row in matrix.tolist()]
    with tempfile.TemporaryDirectory() as folder, KafkaBroker() as broker:
        sidecar, worker = _start(broker, Path(folder), booster)
        with sidecar, worker:
            sidecar.await_ready()
            worker.await_ready()
            _measure(sidecar, worker, lines, rows, booster.predict(matrix, num_threads=1).tolist())


def _start(broker: KafkaBroker, folder: Path, booster: lgb.Booster) -> tuple[ServiceProcess, ServiceProcess]:
    store = folder / "models"
    text = booster.model_to_string().encode()
    publish(ModelStore(str(store)), Publication(name="synthetic", text=text, by="benchmark", alias="production"))
    variables = {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "MODEL_STORE": str(store),
        "CACHE_DIR": str(folder / "cache"),
        "SCHEMA_DIR": str(folder / "schemas"),
    }
    settings = load_settings(variables=[Variable(PREFIX + n, v, "benchmark") for n, v in variables.items()])
    admin = open_admin({"bootstrap.servers": broker.bootstrap_servers})
    create_topics(admin, settings, partitions=4, replication_factor=1)
    return (
        ServiceProcess(variables, folder, roles=["http"], name="sidecar"),
        ServiceProcess(variables, folder, roles=["jobs"], name="worker"),
    )


def _measure(
    sidecar: ServiceProcess, worker: ServiceProcess, lines: list[bytes], rows: int, expected: list[float]
) -> None:
    body = b"".join(lines) * (rows // KINDS)
    used, began = cpu_seconds(worker.pid), time.monotonic()
    job_id = _submit(sidecar, body)
    uploaded = time.monotonic()
    _await_end(sidecar, _submit(sidecar, b"".join(lines[:SMALL_ROWS])))
    small_seconds = time.monotonic() - uploaded
    _await_end(sidecar, job_id)
    done = time.monotonic()
    used = cpu_seconds(worker.pid) - used
    with urllib.request.urlopen(f"{sidecar.url}/batch/{job_id}/results", timeout=ANSWER_SECONDS) as answer:
        read = 0
        for read, line in enumerate(answer, 1):
            assert json.loads(line)["prediction"] == expected[(read - 1) % KINDS]
    assert read == rows
    print(
        f"{rows:,} rows, {len(body) / 1e6:.0f} MB: uploaded in {uploaded - began:.1f} s, done after {done - began:.1f}"
    )
    print(f"worker: {rows / used:,.0f} rows a CPU second, {peak_mib(worker.pid):.0f} MiB at most")
    print(
        f"sidecar: {peak_mib(sidecar.pid):.0f} MiB at most; results read and compared in {time.monotonic() - done:.1f}"
    )
    print(f"a job of {SMALL_ROWS} rows behind it: {small_seconds:.2f} s (bound {MOST_SMALL_SECONDS:g})")
    assert small_seconds < MOST_SMALL_SECONDS


def _submit(sidecar: ServiceProcess, body: bytes) -> str:
    request = urllib.request.Request(f"{sidecar.url}/batch", body, {"Content-Type": "application/x-ndjson"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return str(json.load(answer)["job_id"])
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 503:  # it still reads events
                    raise
            time.sleep(POLL_SECONDS)


def _await_end(sidecar: ServiceProcess, job_id: str) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        with urllib.request.urlopen(f"{sidecar.url}/batch/{job_id}", timeout=ANSWER_SECONDS) as answer:
            job: dict[str, Any] = json.load(answer)
        if job["status"] not in ("queued", "running"):
            assert (job["status"], job["rows_failed"]) == ("succeeded", 0), job
            return
        assert time.monotonic() < deadline, job
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
