"""A batch job of a million rows: rows per CPU second beside the stream's, memory, and how long a small job waits.

python -m benchmarks.jobs [--rows 1000000 --backlog 500000]

All on one real Kafka with the model of 200 trees of 63 leaves. First `scoreline run --role stream` drains a backlog at
least once, in rounds. Then a job of flights as NDJSON is uploaded to `scoreline run --role http` and scored by
`scoreline run --role jobs`; its CPU seconds are those of both processes, from the first byte of the upload until the
job has succeeded. While it runs, jobs of ten rows are submitted behind it. Every result is compared with
`Booster.predict`. The peak of resident memory is printed for both processes, before and after the results were read.
"""

import argparse
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from benchmarks.bounds import Bounds
from benchmarks.deployment import Deployment, deploy
from benchmarks.draining import Position, watch_drain
from benchmarks.flights import Flights, load
from benchmarks.http_work import to_row
from benchmarks.usage import cpu_seconds, peak_mib, resident_mib
from scoreline.client import Client
from scoreline.client.answers import Job, JobStatus
from scoreline.testing.service import ServiceProcess

FLIGHTS = 20_000
PIECE_ROWS = 500
SMALL_ROWS = 10
SMALL_JOBS = 10
SHARE_OF_STREAM = 0.80
SMALL_SECONDS = 2.0
GROWTH_MIB = 96.0
"""Beside what a process has when it is ready: bodies, queues and results that are under way."""
ENDS_WITHIN_SECONDS = 900.0
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class LargeJob:
    """What the large job has cost.

    Attributes:
        wall_seconds: from the first byte until it has succeeded.
        upload_seconds: until the submission was acknowledged.
        small_seconds: for each job behind it, from its submission until it was seen to have succeeded.
        grown_mib: by process, its peak over what it had when it was ready.
    """

    rows: int
    http_cpu_seconds: float
    worker_cpu_seconds: float
    wall_seconds: float
    upload_seconds: float
    results_seconds: float
    small_seconds: list[float]
    grown_mib: dict[str, float]

    @property
    def per_cpu_second(self) -> float:
        return self.rows / (self.http_cpu_seconds + self.worker_cpu_seconds)


def make_lines(flights: Flights) -> list[bytes]:
    return [msgspec.json.encode(to_row(flights.features, values)) + b"\n" for values in flights.matrix.tolist()]


def upload(lines: list[bytes], rows: int) -> Iterator[bytes]:
    """The lines again and again, some at a time."""
    pieces = [b"".join(lines[i : i + PIECE_ROWS]) for i in range(0, len(lines), PIECE_ROWS)]
    assert len(lines) % PIECE_ROWS == 0
    assert rows % PIECE_ROWS == 0
    return (pieces[n % len(pieces)] for n in range(rows // PIECE_ROWS))


def drain(deployment: Deployment, inputs: str, backlog: int, turn: int) -> float:
    """Records per CPU second of the stream."""
    group, written = f"drain-{turn}", deployment.make_written()
    service = deployment.make_service(group, inputs, written, roles=["stream"])
    topics = [written.outputs, written.dead_letters]
    with Position(deployment.bootstrap_servers, group, inputs, topics) as position, service:
        drained = watch_drain(service, position, backlog)
        assert service.terminate() == 0
    return drained.per_cpu_second


class SmallJobs(threading.Thread):
    """Jobs of ten rows, one after the other, while the large one runs."""

    def __init__(self, url: str, lines: list[bytes]) -> None:
        super().__init__(name="small-jobs")
        self._url, self._body = url, b"".join(lines[:SMALL_ROWS])
        self.seconds: list[float] = []
        self.jobs: list[Job] = []

    def run(self) -> None:
        with Client(self._url) as client:
            for _ in range(SMALL_JOBS):
                began = time.monotonic()
                job = client.submit(self._body)
                self.jobs.append(client.wait(job.job_id, timeout_seconds=ENDS_WITHIN_SECONDS))
                self.seconds.append(time.monotonic() - began)


def score_job(services: dict[str, ServiceProcess], lines: list[bytes], rows: int, expected: np.ndarray) -> LargeJob:
    """Upload, wait, compare."""
    ready = {name: resident_mib(service.pid) for name, service in services.items()}
    before = {name: cpu_seconds(service.pid) for name, service in services.items()}
    began = time.monotonic()
    with Client(services["http"].url, timeout_seconds=120.0) as client:
        job = client.submit(upload(lines, rows))
        uploaded = time.monotonic()
        small = SmallJobs(services["http"].url, lines)
        small.start()
        job = client.wait(job.job_id, timeout_seconds=ENDS_WITHIN_SECONDS)
        ended = time.monotonic()
        spent = {name: cpu_seconds(service.pid) - before[name] for name, service in services.items()}
        small.join()
        assert (job.status, job.rows, job.rows_failed) == (JobStatus.SUCCEEDED, rows, 0), job
        assert len(small.jobs) == SMALL_JOBS
        for each in small.jobs:
            assert each.status is JobStatus.SUCCEEDED, each
            assert each.predictions == tuple(expected[:SMALL_ROWS].tolist())
        began_reading = time.monotonic()
        found = np.fromiter((row.prediction for row in client.results(job.job_id)), dtype=np.float64, count=rows)
        read_seconds = time.monotonic() - began_reading
    assert np.array_equal(found, np.resize(expected, rows))
    return LargeJob(
        rows,
        spent["http"],
        spent["worker"],
        ended - began,
        uploaded - began,
        read_seconds,
        small.seconds,
        {name: peak_mib(service.pid) - ready[name] for name, service in services.items()},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--backlog", type=int, default=500_000, help="records that the stream drains in a round")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    flights = load(FLIGHTS)
    lines, expected = make_lines(flights), flights.booster.predict(flights.matrix, num_threads=1)
    streamed: list[float] = []
    jobs: list[LargeJob] = []
    with deploy({"flights": flights.booster}) as deployment:
        inputs = deployment.make_topic("features")
        deployment.fill(inputs, flights.payloads, options.backlog)
        for turn in range(options.rounds):
            streamed.append(drain(deployment, inputs, options.backlog, turn))
            services = deployment.make_job_services(f"jobs-{turn}")
            with services["http"], services["worker"]:
                for service in services.values():
                    service.await_ready()
                jobs.append(score_job(services, lines, options.rows, expected))
                assert all(service.terminate() == 0 for service in services.values())
            report(streamed[-1], jobs[-1])
    bounds = Bounds()
    ratio = statistics.median(job.per_cpu_second / stream for job, stream in zip(jobs, streamed, strict=True))
    bounds.at_least("rows per CPU second / the stream's", ratio, SHARE_OF_STREAM)
    slowest = max(seconds for job in jobs for seconds in job.small_seconds)
    bounds.at_most("a job of ten rows behind it, slowest, s", slowest, SMALL_SECONDS)
    for name in jobs[0].grown_mib:
        bounds.at_most(f"memory of {name} beyond ready, MiB", max(j.grown_mib[name] for j in jobs), GROWTH_MIB)
    bounds.conclude()


def report(streamed: float, job: LargeJob) -> None:
    grown = ", ".join(f"{name} +{mib:.0f} MiB" for name, mib in job.grown_mib.items())
    print(
        f"stream {streamed:,.0f} per CPU s; job of {job.rows:,}: {job.per_cpu_second:,.0f} rows per CPU s "
        f"(http {job.http_cpu_seconds:.1f} s, worker {job.worker_cpu_seconds:.1f} s), {job.wall_seconds:.1f} s in all, "
        f"upload {job.upload_seconds:.1f} s, results read in {job.results_seconds:.1f} s; small jobs "
        f"{statistics.median(job.small_seconds):.2f} s, slowest {max(job.small_seconds):.2f} s; {grown}",
        flush=True,
    )


if __name__ == "__main__":
    main()
