"""The sidecar as one function from requests to responses: id, route, door, answer, event."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import web
from multidict import istr

from scoreline.config.tokens import Token
from scoreline.http.access_log import AccessLog, AccessLogMode, find_trace_id, log_failure
from scoreline.http.auth import Door, Doorkeeper
from scoreline.http.drift import DriftRoutes, ReadDrift
from scoreline.http.errors import ABANDONED_STATUS, MethodNotAllowed, answer_problem, is_failure
from scoreline.http.exchange import Answer, Call
from scoreline.http.health import HealthRoutes
from scoreline.http.inference_v2.errors import add_error
from scoreline.http.inference_v2.routes import PREFIX
from scoreline.http.limits import Limits
from scoreline.http.openapi.routes import DocumentRoutes
from scoreline.http.pages.docs import DocsRoutes
from scoreline.http.pages.status.picture import StatusSources
from scoreline.http.pages.status.routes import StatusRoutes
from scoreline.http.predict.predictor import may_have_few
from scoreline.http.request_id import RequestIds
from scoreline.http.routes import UNMATCHED, Route, RouteTable
from scoreline.http.served import Served, ServedRequests, name_method
from scoreline.http.serving import Serving, ServingRoutes
from scoreline.http.stream import StreamRoutes
from scoreline.http.telemetry import ReadStats, RenderMetrics, TelemetryRoutes
from scoreline.http.wire.at_once import AnswererAtOnce, AtOnce
from scoreline.http.wire.response import Dates, WholeResponse, make_head
from scoreline.http.wire.streaming import StreamedResponse
from scoreline.observability.events import RequestObserver
from scoreline.observability.health import HealthBoard
from scoreline.observability.traces.ports import RequestTracer
from scoreline.records import Clock

_REQUEST_ID = istr("X-Request-Id")


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a sidecar is made from.

    Attributes:
        serving: None in a process without the http role: then there are only health and metrics.
        tokens: that callers may present; without any nothing is asked of them.
        metrics_need_token: whether `/metrics` is closed as well.
        status: what the status page shows beside health.
        resume_stream: lets a window of records pass the breaker; None where there is no stream to resume, or nobody
            who could be asked for a token.
        tracer: makes a span of each request; None makes none.
        read_drift: how versions stand; None where nothing is watched.
    """

    health: HealthBoard
    observer: RequestObserver
    render_metrics: RenderMetrics
    read_stats: ReadStats
    serving: Serving | None = None
    status: StatusSources = field(default_factory=StatusSources)
    tokens: Sequence[Token] = ()
    metrics_need_token: bool = False
    resume_stream: Callable[[], None] | None = None
    limits: Limits = field(default_factory=Limits)
    read_drift: ReadDrift | None = None
    access_log: AccessLogMode = AccessLogMode.ERRORS
    tracer: RequestTracer | None = None
    clock: Clock = time.perf_counter
    wall_clock: Clock = time.time


class Sidecar:
    """Answers requests, whatever they are; an exception never leaves it. It belongs to one event loop."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._served = ServedRequests(dependencies.observer)
        self._render_metrics = dependencies.render_metrics
        self._read_stats = dependencies.read_stats
        self._clock = dependencies.clock
        self._doorkeeper = Doorkeeper(dependencies.tokens)
        self._log = AccessLog(dependencies.access_log)
        self._tracer = dependencies.tracer
        self._ids = RequestIds()
        self._dates = Dates(dependencies.wall_clock)
        self._serving: ServingRoutes | None = None
        self._status = StatusRoutes(
            dependencies.status,
            dependencies.health,
            asks_token=bool(dependencies.tokens),
            timeout_seconds=dependencies.limits.timeout_seconds,
            clock=self._clock,
            wall_clock=dependencies.wall_clock,
        )
        self._at_once: dict[tuple[str, str], AtOnce] = {}
        self._table = RouteTable(self._make_routes(dependencies))
        self._in_flight = 0
        self._stopping = False

    @property
    def routes(self) -> Sequence[Route]:
        """All that can be asked for."""
        return self._table.routes

    @property
    def in_flight(self) -> int:
        """Requests that are being answered now."""
        return self._in_flight

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        call = self._begin(request)
        pattern, raw_path = UNMATCHED, ""
        self._in_flight += 1
        try:
            raw_path = request.rel_url.raw_path
            route, parameters = self._table.find(request.method, raw_path)
            pattern = route.pattern
            self._doorkeeper.admit(route.door, request.headers)
            answer = await route.answer(call._replace(parameters=parameters) if parameters else call)
        except asyncio.CancelledError:
            self._conclude(pattern, Answer(ABANDONED_STATUS, b""), call)
            raise
        except MethodNotAllowed as error:
            pattern = self._table.find_pattern(raw_path)
            answer = answer_problem(error)
        except Exception as error:  # noqa: BLE001 - logged, counted, and answered as a 500
            answer = self._answer_failure(error, pattern, call)
        finally:
            self._in_flight -= 1
        if answer.problem is not None and raw_path.startswith(PREFIX):
            answer = add_error(answer)
        self._conclude(pattern, answer, call)
        return self._respond(answer, call.request_id, call)

    def find_at_once(self, method: str, target: str) -> AtOnce | None:
        """See `scoreline.http.wire.at_once.Answering`."""
        return None if self._stopping else self._at_once.get((method, target))

    def refuse_unread(self, error: Exception) -> web.StreamResponse:
        """What answers a request that could not be read as one; the connection ends with it."""
        started = self._clock()
        request_id = self._ids.choose(None)
        answer = answer_problem(error)
        self._note("", UNMATCHED, answer, started, request_id, None)
        return self._respond(answer._replace(closes=True), request_id, None)

    def end_connections(self) -> None:
        """From now on every answer is the last one on its connection, and results that do not come are given up."""
        self._stopping = True
        if self._serving is not None:
            self._serving.stop_waiting()

    def close(self) -> None:
        """End the threads; what waits for one is dropped. The observer learns of all that was answered."""
        self._served.close()
        self._status.close()
        if self._serving is not None:
            self._serving.close()

    def _answer_at_once(
        self, route: Route, answer_call: AnswererAtOnce, request: web.BaseRequest, body: bytes
    ) -> bytes | None:
        """As `answer`, for a route that is known."""
        call = self._begin(request)
        answer: Answer | None
        try:
            self._doorkeeper.admit(route.door, request.headers)
            answer = answer_call(call, body)
        except Exception as error:  # noqa: BLE001 - as in `answer`
            answer = self._answer_failure(error, route.pattern, call)
        if answer is None:
            return None
        self._conclude(route.pattern, answer, call)
        return make_head(answer, call.request_id, self._dates.now(), "keep-alive") + answer.body

    def _begin(self, request: web.BaseRequest) -> Call:
        """A request that has come in, before it is looked at."""
        started, headers, tracer = self._clock(), request.headers, self._tracer
        trace = None if tracer is None else tracer.begin(name_method(request.method), headers)
        return Call(request, self._ids.choose(headers.get(_REQUEST_ID)), started, (), trace)

    def _respond(self, answer: Answer, request_id: str, call: Call | None) -> web.StreamResponse:
        if self._stopping:
            answer = answer._replace(closes=True)
        if answer.pieces is not None:
            trace_id = find_trace_id(call)
            return StreamedResponse(answer, answer.pieces, request_id, self._dates.now(), trace_id=trace_id)
        return WholeResponse(answer, request_id, self._dates.now())

    def _make_routes(self, dependencies: Dependencies) -> list[Route]:
        metrics_door = Door.PREDICT if dependencies.metrics_need_token else Door.OPEN
        telemetry = TelemetryRoutes(self._render_metrics_now, self._read_stats_now)
        routes = [*HealthRoutes(dependencies.health).list_routes(), telemetry.make_metrics_route(metrics_door)]
        routes += self._status.list_routes()
        if dependencies.resume_stream is not None:
            routes += StreamRoutes(dependencies.resume_stream).list_routes()
        if dependencies.read_drift is not None:
            routes += DriftRoutes(dependencies.read_drift).list_routes()
        if dependencies.serving is not None:
            guarded = bool(dependencies.tokens)
            self._serving = ServingRoutes(
                dependencies.serving,
                dependencies.limits,
                dependencies.health,
                guarded=guarded,
                clock=self._clock,
                wall_clock=dependencies.wall_clock,
            )
            predict, answer_at_once = self._serving.predict, self._serving.answer_at_once
            self._at_once[predict.method, predict.pattern] = AtOnce(
                may_have_few, partial(self._answer_at_once, predict, answer_at_once)
            )
            routes += [telemetry.make_stats_route(), *self._serving.list_routes()]
            routes += DocumentRoutes(lambda: self.routes, dependencies.serving.versions, guarded=guarded).list_routes()
            routes += DocsRoutes().list_routes()
        return routes

    def _conclude(self, pattern: str, answer: Answer, call: Call) -> None:
        method = call.request.method
        self._note(method, pattern, answer, call.started, call.request_id, call)
        if call.trace is not None:
            call.trace.end(
                name_method(method),
                pattern,
                answer.status,
                request_id=call.request_id,
                instances=answer.instances,
                version=answer.version,
            )

    def _note(
        self, method: str, pattern: str, answer: Answer, started: float, request_id: str, call: Call | None
    ) -> None:
        seconds, name = self._clock() - started, name_method(method)
        served = Served(pattern, name, answer.status, seconds, request_id, answer.instances, answer.version)
        self._served.add(served)
        self._log.request_served(served, answer.problem, call)

    def _render_metrics_now(self, accept: str) -> tuple[bytes, str]:
        self._served.deliver()
        return self._render_metrics(accept)

    def _read_stats_now(self) -> Mapping[str, Any]:
        self._served.deliver()
        return self._read_stats()

    def _answer_failure(self, error: Exception, pattern: str, call: Call) -> Answer:
        answer = answer_problem(error)
        if is_failure(error):
            log_failure(error, pattern, call)
        return answer
