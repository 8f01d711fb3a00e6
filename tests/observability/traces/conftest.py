import time

import pytest

from scoreline.observability.traces.tracing import Traces
from tests.observability.traces.collector import run_collector


class Counted:
    """A `SpanObserver` that keeps what it is told."""

    def __init__(self):
        self.exported = self.failed = self.dropped = 0

    def spans_exported(self, count):
        self.exported += count

    def spans_failed(self, count):
        self.failed += count

    def spans_dropped(self, count):
        self.dropped += count


@pytest.fixture
def collector(monkeypatch):
    """A collector that the SDK's variables point to, as a deployment's do; nothing goes out before the end."""
    with run_collector() as (collector, url):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
        yield collector


@pytest.fixture
def counted():
    return Counted()


@pytest.fixture
def open_traces(collector, counted):
    """Opens traces, after a test has set further variables; they are closed at the end."""
    opened = []

    def open_them():
        traces = Traces("group", "group-jobs", observer=counted, wall_clock=time.time)
        opened.append(traces)
        return traces

    yield open_them
    for traces in opened:
        traces.close(5.0)
