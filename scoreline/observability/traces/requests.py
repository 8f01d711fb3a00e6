"""One server span for each HTTP request, below the caller's where it names one."""

from collections.abc import Mapping

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from scoreline.observability.traces.context import TraceContext, read_context
from scoreline.observability.traces.spans import describe_span_context, make_parent

UNTRACED = frozenset({"/health", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready", "/metrics"})
"""What probes and scrapers ask for, every few seconds: a span of it goes out only below one of its caller."""

_FIRST_SERVER_FAULT = 500


class RequestTraces:
    """Implements `scoreline.observability.traces.ports.RequestTracer`."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begin(self, method: str, headers: Mapping[str, str]) -> "RequestSpan":
        """Begin a span; whether it is recorded, the sampler decides now."""
        parent = read_context(headers)
        return RequestSpan(self._tracer.start_span(method, make_parent(parent), SpanKind.SERVER), parent)


class RequestSpan:
    """Implements `scoreline.observability.traces.ports.RequestTrace`."""

    __slots__ = ("_parent", "_span")

    def __init__(self, span: Span, parent: TraceContext | None) -> None:
        self._span = span
        self._parent = parent

    @property
    def context(self) -> TraceContext | None:
        """Of the span, also of one that is not recorded; the caller's where the SDK is disabled."""
        return describe_span_context(self._span.get_span_context()) or self._parent

    def end(
        self, method: str, route: str, status: int, *, request_id: str, instances: int, version: int | None
    ) -> None:
        """Say what became of the request. A refusal is the caller's error, not one of this span."""
        span = self._span
        if not span.is_recording() or (route in UNTRACED and self._parent is None):
            return
        span.update_name(f"{method} {route}")
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "scoreline.request_id": request_id,
                "scoreline.instances": instances,
            }
        )
        if version is not None:
            span.set_attribute("scoreline.version", version)
        if status >= _FIRST_SERVER_FAULT:
            span.set_attribute("error.type", str(status))
            span.set_status(Status(StatusCode.ERROR))
        span.end()
