"""Spans are made where they are asked for, and nothing is loaded for them where they are not."""

import subprocess
import sys

import pytest

from scoreline.config.environment import Variable
from scoreline.config.settings import load_settings
from scoreline.observability.metrics import Metrics
from scoreline.service.traces import open_traces
from tests.observability.traces.collector import run_collector


def test_without_being_asked_there_are_no_traces():
    assert open_traces(load_settings(variables=[]), "model", Metrics().spans) is None


def test_spans_are_counted_in_the_metrics_of_the_service(monkeypatch):
    with run_collector() as (_, url):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        metrics = Metrics()
        settings = load_settings(variables=[Variable("SCORELINE_TRACES", "otlp", "test")])
        traces = open_traces(settings, "model", metrics.spans)
        for _ in range(3):
            span = traces.requests.begin("GET", {})
            span.end("GET", "/stats", 200, request_id="r", instances=0, version=None)
        traces.close(5.0)

    assert 'scoreline_trace_spans_total{outcome="exported"} 3.0' in metrics.render("")[0].decode()


@pytest.mark.slow
def test_a_service_loads_nothing_of_opentelemetry_until_it_is_asked_to():
    asked = "import sys, scoreline.service.process; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    found = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    assert found.stdout == "[]\n"
