"""Of the sidecar: requests."""

from scoreline.observability.metrics.catalogue.declared import Declared, Type, make_decades

REQUEST_BOUNDS = make_decades(-5, 0, 10.0, 30.0, 60.0, 300.0)

HTTP_REQUESTS = Declared(
    "http_requests_total",
    Type.COUNTER,
    "requests",
    "Requests answered, by the route's pattern and the status.",
    ("route", "status"),
)
HTTP_REQUEST_SECONDS = Declared(
    "http_request_seconds", Type.HISTOGRAM, "seconds", "Time to answer a request.", ("route",), REQUEST_BOUNDS
)
HTTP_IN_FLIGHT = Declared("http_in_flight", Type.GAUGE, "requests", "Requests that are being answered now.")

METRICS = (
    HTTP_REQUESTS,
    HTTP_REQUEST_SECONDS,
    HTTP_IN_FLIGHT,
)
