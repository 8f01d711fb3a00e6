"""`POST /predict`, one instance: our sidecar against a bare aiohttp handler with the same single-row call.

    python -m benchmarks.http_predict [--requests 6000 --rounds 7 --instances 1]

Both servers run in processes of their own on one core, one at a time; the load comes from another core over a few
keep-alive connections. Counted is what a server's process spends: requests per second of its CPU time, the median of
interleaved rounds. The bare handler decodes JSON, picks the values by hand, checks nothing and counts nothing. Ours
runs as it is shipped: validation, metrics, statistics, request ids, access log. Every answer is compared with
`Booster.predict`. Exits with 1 when ours is under 70 % of the bare handler.
"""

import argparse
import asyncio
import logging
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import cast

import msgspec
import numpy as np
import uvloop
from aiohttp import web

from benchmarks import flights
from benchmarks.usage import thread_seconds
from scoreline.features import FeatureSet
from scoreline.http.app import Dependencies, Serving, Sidecar
from scoreline.http.server import Address, HttpServer
from scoreline.models.booster import LightGBMModel
from scoreline.observability.events import RequestServed
from scoreline.observability.health import HealthBoard
from scoreline.observability.metrics import Metrics
from scoreline.observability.stats import Stats
from scoreline.testing.fakes import FixedVersions

CONNECTIONS = 8
ROUND_SECONDS = 60
TARGET = 0.70
HOST = "127.0.0.1"
HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"


@dataclass(frozen=True, slots=True)
class Work:
    """Requests ready to be sent, and what each has to be answered with."""

    text: str
    features: FeatureSet
    requests: list[bytes]
    expected: list[list[float]]


def make_work(count: int, instances: int) -> Work:
    loaded = flights.load(count)
    rows = [_to_row(loaded.features, values) for values in loaded.matrix.tolist()]
    expected = loaded.booster.predict(loaded.matrix, num_threads=1)
    bodies, answers = [], []
    for i in range(0, count - instances + 1, instances):
        bodies.append(msgspec.json.encode({"instances": rows[i : i + instances]}))
        answers.append(expected[i : i + instances].tolist())
    requests = [HEAD % (len(body), body) for body in bodies]
    return Work(loaded.booster.model_to_string(), loaded.features, requests, answers)


def _to_row(features: FeatureSet, values: Sequence[float]) -> dict[str, object]:
    row: dict[str, object] = {}
    for feature, value in zip(features, values, strict=True):
        if math.isnan(value):
            row[feature.name] = None
        else:
            row[feature.name] = value if feature.levels is None else feature.levels[int(value)]
    return row


async def start_ours(model: LightGBMModel) -> int:
    """The sidecar with everything that a service gives it."""
    metrics, stats = Metrics(), Stats(time.monotonic)

    class Both:
        def request_served(self, event: RequestServed) -> None:
            metrics.request_served(event)
            stats.request_served(event)

    class NoListing:
        def list_versions(self) -> dict[str, object]:
            return {}

        def show_version(self, selector: str) -> dict[str, object]:
            return {"version": selector}

    logging.basicConfig(level=logging.INFO)
    serving = Serving(FixedVersions({1: model}), NoListing())
    sidecar = Sidecar(Dependencies(HealthBoard(), Both(), metrics.render, stats.snapshot, serving))
    server = HttpServer(sidecar, Address(HOST, 0))
    await server.start()
    return server.port


async def start_bare(model: LightGBMModel) -> int:
    """What one writes by hand: no checks, no ids, nothing counted."""
    names = model.features.names
    codes = [{level: float(c) for c, level in enumerate(f.levels)} if f.levels else None for f in model.features]
    columns = list(zip(names, codes, strict=True))

    async def predict(request: web.Request) -> web.Response:
        rows = msgspec.json.decode(await request.read())["instances"]
        matrix = np.array(
            [[row[n] if c is None else c.get(row[n], math.nan) for n, c in columns] for row in rows], dtype=np.float64
        )
        body = msgspec.json.encode({"predictions": model.predict(matrix).tolist()})
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_post("/predict", predict)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    return site.port


STARTERS: dict[str, Callable[[LightGBMModel], Awaitable[int]]] = {"ours": start_ours, "bare": start_bare}


def serve(name: str, text: str, features: FeatureSet, ready: Connection) -> None:
    """Child process: serve until the parent hangs up."""
    os.sched_setaffinity(0, {0})

    async def run() -> None:
        ready.send(await STARTERS[name](LightGBMModel(text, features)))
        await asyncio.to_thread(ready.poll, None)

    uvloop.run(run())
    os._exit(0)


class Caller(asyncio.Protocol):
    """One keep-alive connection that asks again as soon as it is answered."""

    def __init__(self, work: Work, turns: Sequence[int], done: asyncio.Future[None]) -> None:
        self._work, self._turns, self._done = work, iter(turns), done
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = int(self._buffer.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        answer = msgspec.json.decode(self._buffer[end + 4 :])
        assert self._buffer.startswith(b"HTTP/1.1 200 "), bytes(self._buffer)
        assert answer["predictions"] == self._work.expected[self._turn], "another answer than Booster.predict"
        self._buffer.clear()
        self._ask()

    def _ask(self) -> None:
        turn = next(self._turns, None)
        if turn is None:
            if not self._done.done():
                self._done.set_result(None)
            self._transport.close()
            return
        self._turn = turn
        self._transport.write(self._work.requests[turn])


async def load(work: Work, port: int, requests: int) -> None:
    loop = asyncio.get_running_loop()
    waits = []
    for c in range(CONNECTIONS):
        done = loop.create_future()
        turns = [i % len(work.requests) for i in range(c, requests, CONNECTIONS)]
        await loop.create_connection(lambda turns=turns, done=done: Caller(work, turns, done), HOST, port)
        waits.append(done)
    async with asyncio.timeout(ROUND_SECONDS):
        await asyncio.gather(*waits)


def read_cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process."""
    return sum(thread_seconds(pid).values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--instances", type=int, default=1)
    options = parser.parse_args()
    work = make_work(max(2000, options.instances * 20), options.instances)
    context = multiprocessing.get_context("spawn")
    servers: dict[str, tuple[multiprocessing.process.BaseProcess, int]] = {}
    hang_up = []
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {0} or {0})
    try:
        for name in STARTERS:
            ours, theirs = context.Pipe()
            child = context.Process(target=serve, args=(name, work.text, work.features, theirs), daemon=True)
            child.start()
            hang_up.append(ours)
            servers[name] = child, ours.recv()
        rates: dict[str, list[float]] = {name: [] for name in servers}
        for turn in range(options.rounds + 1):
            for name, (child, port) in servers.items():
                assert child.pid is not None
                before = read_cpu_seconds(child.pid)
                uvloop.run(load(work, port, options.requests))
                if turn:  # the first round warms up
                    rates[name].append(options.requests / (read_cpu_seconds(child.pid) - before))
    finally:
        for ours in hang_up:
            ours.send(None)
        for child, _ in servers.values():
            child.join(5)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    for name, median in medians.items():
        rows = f", {median * options.instances:,.0f} rows" if options.instances > 1 else ""
        print(f"{name}: {median:,.0f} requests per CPU second{rows} ({1e6 / median:.1f} µs each)")
    ratio = medians["ours"] / medians["bare"]
    print(f"ours / bare: {ratio:.2f} (target {TARGET:.2f})")
    return 0 if ratio >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
