"""`/metrics` and `/stats`: what was counted, for a scraper and for a person."""

from collections.abc import Callable, Mapping
from typing import Any

from scoreline.http.auth import Door
from scoreline.http.exchange import Answer, Call, answer_json
from scoreline.http.openapi.operations import Content, Operation, as_json
from scoreline.http.query import read_query
from scoreline.http.routes import Route
from scoreline.observability.snapshot import Snapshot

RenderMetrics = Callable[[str], tuple[bytes, str]]
"""From an Accept header to the exposition and its content type."""

ReadStats = Callable[[], Mapping[str, Any]]

_METRICS = Operation(answers={200: (Content("text/plain"), Content("application/openmetrics-text"))})
_STATS = Operation(answers={200: as_json(Snapshot)})


class TelemetryRoutes:
    """Renders at the moment of asking; neither call may block."""

    def __init__(self, render_metrics: RenderMetrics, read_stats: ReadStats) -> None:
        self._render_metrics = render_metrics
        self._read_stats = read_stats

    def make_metrics_route(self, door: Door) -> Route:
        """`/metrics`, open unless it is configured otherwise."""
        summary = "Prometheus or OpenMetrics, by the Accept header"
        return Route("GET", "/metrics", door, self.show_metrics, summary, _METRICS)

    def make_stats_route(self) -> Route:
        """`/stats`, for whoever may predict."""
        return Route("GET", "/stats", Door.PREDICT, self.show_stats, "Totals, errors and quantiles as JSON", _STATS)

    async def show_metrics(self, call: Call) -> Answer:
        """The exposition; the query is the scraper's own business."""
        body, content_type = self._render_metrics(call.request.headers.get("Accept", ""))
        return Answer(200, body, content_type)

    async def show_stats(self, call: Call) -> Answer:
        """The collector's snapshot."""
        read_query(call.request, ())
        return answer_json(self._read_stats())
