"""What of the metrics is about requests to the sidecar."""

import threading
from collections.abc import Callable

from prometheus_client import Counter

from scoreline.observability.events import RequestServed
from scoreline.observability.metrics import catalogue
from scoreline.observability.metrics.bounded import OTHER, BoundedLabel
from scoreline.observability.metrics.exposition import Exposition
from scoreline.observability.metrics.histogram import Histogram

MAX_ROUTES = 64
FAILURES = (500, 503)


class RequestMetrics:
    """Counts and times requests by route; every method may be called from any thread."""

    def __init__(self, show: Exposition) -> None:
        self._lock = threading.Lock()
        self._requests = show.counter(catalogue.requests.HTTP_REQUESTS)
        self._seconds = show.histogram(catalogue.requests.HTTP_REQUEST_SECONDS)
        self._in_flight = show.gauge(catalogue.requests.HTTP_IN_FLIGHT)
        self._bound: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._routes = BoundedLabel(MAX_ROUTES)

    def served(self, event: RequestServed) -> None:
        """Count an answered request."""
        requests, seconds = self._bound.get((event.route, event.status)) or self._bind(event.route, event.status)
        requests.inc()
        seconds.add(event.seconds)

    def watch_in_flight(self, count: Callable[[], float]) -> None:
        """Ask this at every scrape how many requests are being answered."""
        self._in_flight.set_function(count)

    def _bind(self, route: str, status: int) -> tuple[Counter, Histogram]:
        with self._lock:
            label = self._routes.bound(route)
            # Failures of a route are there with its first answer, so that the first of them is an increase.
            for failure in FAILURES:
                self._requests.labels(label, failure)
            bound = (
                self._requests.labels(label, status if 100 <= status < 600 else OTHER),
                self._seconds.child(label),
            )
            if label == route:
                self._bound[route, status] = bound
        return bound
