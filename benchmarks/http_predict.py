"""`POST /predict` of `scoreline run --role http` beside servers written by hand, in one run.

    python -m benchmarks.http_predict [--only cpu rows latency start stream] [--mlserver PYTHON]

Every server is a process pinned to one core, the load comes from the other. Ours runs as it is shipped, with default
settings: validation, metrics, statistics, request ids, log. Every answer is compared with `Booster.predict`.

- cpu: CPU time of the server's process for each request of one instance, as fast as it answers; servers take turns.
- rows: the same with 100 instances in a request, beside the bare handler.
- latency: at 1,000 and 3,000 requests a second, from the time at which a request was to be sent to its answer.
- start: from the start of the process to the first prediction, with a model that this machine has checked before, and
  with one that it has not; then the resident memory.
- stream: the 99th percentile while the stream role drains a backlog in the same process, against that of an idle one.

FastAPI comes with `pip install scoreline[bench]`; MLServer needs an environment of its own, by its interpreter.
"""

import argparse
import importlib.util
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.bounds import Bounds
from benchmarks.flights import Flights, load
from benchmarks.http_beside_stream import measure_beside_stream
from benchmarks.http_load import ask_at_rate, saturate
from benchmarks.http_servers import SERVER_CORE, Neighbours, Server, ask_until_answered, make_ours, quantile_ms
from benchmarks.http_work import make_work
from benchmarks.usage import resident_mib, thread_seconds

FLIGHTS = 4_000
MANY = 100
WARM_UP_REQUESTS = 2_000
RATES_MS = {1_000: 2.5, 3_000: 3.0}
OPEN_SECONDS = 4.0
FASTAPI_SHARE = 0.57
ROWS_PER_SECOND, BARE_SHARE = 57_000, 0.98
MEMORY_MB = 130
REMEMBERED_SECONDS, FIRST_SECONDS = 1.0, 3.0
STARTS = 3
BESIDE_STREAM = 3.0
PARTS = ("cpu", "rows", "latency", "start", "stream")


def spend(server: Server, requests: int) -> tuple[float, float]:
    """CPU milliseconds a request, and requests a second."""
    before = sum(thread_seconds(server.pid).values())
    took = saturate(server.work, server.port, requests)
    spent = sum(thread_seconds(server.pid).values()) - before
    return spent / requests * 1000, requests / took


def take_turns(servers: Sequence[Server], rounds: int, requests: int) -> Mapping[str, tuple[float, float]]:
    """Medians of the rounds, by server: CPU milliseconds a request, and requests a second."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for server in servers:
        saturate(server.work, server.port, min(requests, WARM_UP_REQUESTS))
    for turn in range(rounds):
        for server in servers[turn % len(servers) :] + servers[: turn % len(servers)]:
            found[server.name].append(spend(server, requests))
    return {
        name: tuple(statistics.median(values) for values in zip(*each, strict=True)) for name, each in found.items()
    }


def compare_cpu(servers: Sequence[Server], options: argparse.Namespace, bounds: Bounds) -> None:
    medians = take_turns(servers, options.rounds, options.requests)
    for name, (milliseconds, rate) in medians.items():
        print(f"{name:20} {milliseconds:.4f} CPU ms a request, {rate:,.0f} requests a second")
    ours, fastapi = medians["ours"][0], medians["fastapi"][0]
    print(f"ours against bare aiohttp with the single-row call: {ours / medians['aiohttp-single-row'][0]:.2f}")
    bounds.at_most("CPU time of ours against FastAPI's", ours / fastapi, FASTAPI_SHARE)


def compare_rows(servers: Sequence[Server], flights: Flights, options: argparse.Namespace, bounds: Bounds) -> None:
    work = make_work(flights, MANY)
    asked = [Server(s.name, s.pid, s.port, work) for s in servers if s.name in ("ours", "aiohttp")]
    medians = take_turns(asked, options.rounds, options.requests // 10)
    rows = {name: MANY * 1000 / milliseconds for name, (milliseconds, _) in medians.items()}
    for name, rate in rows.items():
        print(f"{name:20} {rate:,.0f} rows a CPU second, {MANY} in a request; {medians[name][1] * MANY:,.0f} a second")
    bounds.at_least(
        f"rows a CPU second against {ROWS_PER_SECOND:,}, or {BARE_SHARE} of the bare handler's",
        max(rows["ours"] / ROWS_PER_SECOND, rows["ours"] / rows["aiohttp"] / BARE_SHARE),
        1.0,
    )


def measure_latency(server: Server, options: argparse.Namespace, bounds: Bounds) -> None:
    for rate, limit in RATES_MS.items():
        rounds = [ask_at_rate(server.work, server.port, rate, OPEN_SECONDS) for _ in range(options.rounds)]
        median = [statistics.median(quantile_ms(each, q) for each in rounds) for q in (0.5, 0.99, 0.999)]
        print(f"{rate:,} requests a second: p50 {median[0]:.2f}, p99 {median[1]:.2f}, p99.9 {median[2]:.2f} ms")
        bounds.at_most(f"p99 at {rate:,}/s, ms", median[1], limit)


def measure_starts(folder: Path, flights: Flights, bounds: Bounds) -> None:
    """Each first start has a cache of its own that nothing is in yet; the next one has it."""
    work = make_work(flights)
    first, remembered, memory = [], [], []
    for turn in range(STARTS):
        for times in (first, remembered):
            service = make_ours(folder, flights, name=f"start-{turn}")
            began = time.monotonic()
            with service.start():
                times.append(ask_until_answered(Server("ours", service.pid, service.port, work)) - began)
                saturate(work, service.port, WARM_UP_REQUESTS)
                memory.append(resident_mib(service.pid) * 2**20 / 1e6)
                assert service.terminate() == 0
    bounds.at_most(f"resident memory after {WARM_UP_REQUESTS:,} requests, MB", statistics.median(memory), MEMORY_MB)
    bounds.at_most("first start to first answer, s", statistics.median(first), FIRST_SECONDS)
    bounds.at_most(
        "start with a remembered model to first answer, s", statistics.median(remembered), REMEMBERED_SECONDS
    )


def compare_servers(folder: Path, flights: Flights, options: argparse.Namespace, bounds: Bounds) -> None:
    with make_ours(folder, flights) as service, Neighbours(folder, flights, options.mlserver) as neighbours:
        service.await_ready()
        ours = Server("ours", service.pid, service.port, make_work(flights))
        servers = [ours, *neighbours]
        if "cpu" in options.only:
            compare_cpu(servers, options, bounds)
        if "rows" in options.only:
            compare_rows(servers, flights, options, bounds)
        if "latency" in options.only:
            measure_latency(ours, options, bounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=5_000, help="of each round, with one instance")
    parser.add_argument("--mlserver", metavar="PYTHON", help="an interpreter that has mlserver and mlserver-lightgbm")
    options = parser.parse_args()
    assert importlib.util.find_spec("fastapi"), "FastAPI is missing: pip install 'scoreline[bench]'"
    flights = load(FLIGHTS)
    bounds = Bounds()
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {SERVER_CORE} or {SERVER_CORE})
    with tempfile.TemporaryDirectory(prefix="scoreline-benchmark-") as name:
        folder = Path(name)
        if {"cpu", "rows", "latency"} & set(options.only):
            compare_servers(folder, flights, options, bounds)
        if "start" in options.only:
            measure_starts(folder, flights, bounds)
    if "stream" in options.only:
        bounds.at_most("p99 while the stream drains against idle", measure_beside_stream(flights), BESIDE_STREAM)
    bounds.conclude()


if __name__ == "__main__":
    main()
