"""What others know of spans: the sidecar makes one a request, and somebody counts what became of them all."""

from collections.abc import Mapping
from typing import Protocol

from scoreline.observability.traces.context import TraceContext


class RequestTrace(Protocol):
    """The span of one request, between its beginning and its end."""

    @property
    def context(self) -> TraceContext | None:
        """Where the request stands in its trace; None where spans are not made after all."""
        ...

    def end(
        self, method: str, route: str, status: int, *, request_id: str, instances: int, version: int | None
    ) -> None:
        """The request is answered; called once.

        Args:
            route: the route's pattern, never the path that was asked for.
        """
        ...


class RequestTracer(Protocol):
    """Makes the spans of requests; use it from one event loop. It never raises."""

    def begin(self, method: str, headers: Mapping[str, str]) -> RequestTrace:
        """A request has come in.

        Args:
            headers: of the request, whose trace goes on if they name one.
        """
        ...


class SpanObserver(Protocol):
    """Learns what became of spans that were recorded; called from any thread, and may not raise."""

    def spans_exported(self, count: int) -> None:
        """The collector has taken them."""
        ...

    def spans_failed(self, count: int) -> None:
        """They are lost."""
        ...

    def spans_dropped(self, count: int) -> None:
        """They were never tried, as too many waited already."""
        ...
