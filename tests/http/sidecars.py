"""Builds real sidecars on loopback around fakes, and asks them things."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from scoreline.config.tokens import Token
from scoreline.errors import ModelNotFound
from scoreline.features import Feature, Matrix
from scoreline.http.access_log import AccessLogMode
from scoreline.http.app import Dependencies, Sidecar
from scoreline.http.batch.routes import JobServing
from scoreline.http.drift import ReadDrift
from scoreline.http.limits import Limits
from scoreline.http.pages.status.picture import StatusSources
from scoreline.http.server import MOST_CONNECTIONS, Address, HttpServer
from scoreline.http.serving import Serving
from scoreline.models.live_route import LiveRoute, Versions
from scoreline.models.model import Model, ModelVersion, Scores
from scoreline.models.reloading import Look, LookNow, ReloadOutcome
from scoreline.observability.events import RequestServed, RowsObserver
from scoreline.observability.health import HealthBoard
from scoreline.observability.traces.ports import RequestTracer
from scoreline.records import Clock
from scoreline.scoring.shadows import ShadowScorer
from scoreline.testing.fakes import FixedVersions, WeightedSum

PROBLEM_JSON = "application/problem+json"


def make_model(*weights: float, classes: tuple[str, ...] | None = None) -> WeightedSum:
    """A weighted sum of the features a, b, c and so on."""
    return WeightedSum([Feature(chr(ord("a") + i)) for i in range(len(weights))], weights, classes)


def make_look(outcome: ReloadOutcome = ReloadOutcome.UNCHANGED, detail: str = "") -> Look:
    """A look at the alias that left version 1 live."""
    return Look(outcome, LiveRoute((ModelVersion("model", 1, "", make_model(1.0)),)), detail)


def begin_look(look: Look | None = None) -> Future[Look]:
    """A look that has ended already."""
    begun: Future[Look] = Future()
    begun.set_result(look or make_look())
    return begun


@dataclass
class Recorder:
    """A `RequestObserver` that keeps what it is told."""

    events: list[RequestServed] = field(default_factory=list)

    def request_served(self, event: RequestServed) -> None:
        self.events.append(event)


class Listing:
    """A `ModelListing` of one version."""

    def list_versions(self) -> Mapping[str, Any]:
        return {"model": "model", "versions": [{"version": 1}]}

    def show_version(self, selector: str) -> Mapping[str, Any]:
        if selector != "1":
            raise ModelNotFound("/srv/secret-store has no such version")
        return {"version": 1, "selector": selector}


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass
class Running:
    """A sidecar that listens, a session to ask it with, and what its observer was told."""

    server: HttpServer
    sidecar: Sidecar
    session: aiohttp.ClientSession
    board: HealthBoard
    recorder: Recorder

    @property
    def events(self) -> list[RequestServed]:
        self.sidecar._served.deliver()
        return self.recorder.events

    @property
    def pending(self) -> int:
        """Calls that run or wait on the sidecar's threads."""
        return sum(pool.pending for pool in self.sidecar._serving._pools)

    @property
    def connections(self) -> int:
        """Connections that have not ended."""
        assert self.server._connections is not None
        return len(self.server._connections.connections)

    @property
    def threads(self) -> int:
        """Threads that the sidecar has needed so far."""
        return sum(len(pool._executor._threads) for pool in self.sidecar._serving._pools)

    async def ask(self, method: str, path: str, **options: Any) -> Answered:
        async with self.session.request(method, f"{self.server.url}{path}", **options) as response:
            return Answered(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Answered:
        return await self.ask("GET", path, **options)

    async def predict(self, instances: Any, query: str = "", **options: Any) -> Answered:
        return await self.ask("POST", f"/predict{query}", json={"instances": instances}, **options)

    async def predict_bytes(self, body: Any, content_type: str = "application/json") -> Answered:
        return await self.ask("POST", "/predict", data=body, headers={"Content-Type": content_type})

    async def say(self, text: bytes) -> bytes:
        """Bytes on a connection of their own, and the head of the answer; empty when there is none."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(text)
        try:
            return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        except asyncio.IncompleteReadError as error:
            return error.partial
        finally:
            writer.close()

    async def hang_up_after(self, text: bytes) -> None:
        """Bytes on a connection of their own that ends with them."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        known, busy = len(self.events), self.sidecar.in_flight
        writer.write(text)
        await writer.drain()
        await until(lambda: self.sidecar.in_flight > busy)
        writer.transport.abort()
        await until(lambda: len(self.events) > known)


@asynccontextmanager
async def serve(
    models: Mapping[int, Model] | Versions | None = None,
    *,
    tokens: Sequence[Token] = (),
    limits: Limits | None = None,
    address: Address | None = None,
    serving: bool = True,
    metrics_need_token: bool = False,
    resume_stream: Callable[[], None] | None = None,
    reload_models: LookNow | None = None,
    access_log: AccessLogMode = AccessLogMode.ERRORS,
    stats: Mapping[str, Any] | None = None,
    workers: int = 1,
    shadows: ShadowScorer | None = None,
    most_connections: int = MOST_CONNECTIONS,
    jobs: JobServing | None = None,
    wall_clock: Clock = time.time,
    tracer: RequestTracer | None = None,
    read_drift: ReadDrift | None = None,
    rows_observer: RowsObserver | None = None,
    status: StatusSources | None = None,
) -> AsyncIterator[Running]:
    """A sidecar over fakes on a free port, stopped at the end."""
    board, recorder = HealthBoard(), Recorder()
    if models is None:
        models = {1: make_model(1.0, 10.0)}
    versions = FixedVersions(models) if isinstance(models, Mapping) else models
    sidecar = Sidecar(
        Dependencies(
            health=board,
            observer=recorder,
            render_metrics=lambda accept: (f"requests {len(recorder.events)}\n".encode(), "text/plain; version=0.0.4"),
            read_stats=lambda: stats or {"requests": len(recorder.events)},
            serving=Serving(versions, Listing(), workers, reload_models, shadows, jobs, rows_observer)
            if serving
            else None,
            status=status or StatusSources(),
            tokens=tokens,
            metrics_need_token=metrics_need_token,
            resume_stream=resume_stream,
            limits=limits or Limits(),
            read_drift=read_drift,
            access_log=access_log,
            tracer=tracer,
            clock=time.perf_counter,
            wall_clock=wall_clock,
        )
    )
    server = HttpServer(sidecar, address or Address("127.0.0.1", 0), most_connections=most_connections)
    board.add(server.check)
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Running(server, sidecar, session, board, recorder)
    finally:
        await server.stop(2)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until what the sidecar shows has changed."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody is told of it, or the sidecar would need an event for tests
            await asyncio.sleep(0)


async def happens(event: threading.Event) -> None:
    """Wait, off the loop, for what a thread does."""
    assert await asyncio.to_thread(event.wait, 5)


class Held(WeightedSum):
    """A model that holds matrices of more than one row until it is released."""

    def __init__(self) -> None:
        super().__init__([Feature("a")], [1.0])
        self.entered = threading.Event()
        self.release = threading.Event()
        self.calls = 0

    def predict(self, features: Matrix) -> Scores:
        self.calls += 1
        if len(features) > 1:
            self.entered.set()
            assert self.release.wait(5)
        return super().predict(features)


def read_fields(caplog: Any, event: str) -> list[dict[str, Any]]:
    """The extra fields of the log records of one event."""
    plain = set(vars(logging.makeLogRecord({})))
    found = [r for r in caplog.records if getattr(r, "event", None) == event]
    return [{k: v for k, v in vars(r).items() if k not in plain | {"message", "asctime"}} for r in found]
