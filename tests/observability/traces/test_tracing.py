"""The SDK's own variables say where spans go, what of them, and under which name."""

import pytest

from scoreline import __version__
from scoreline.errors import ConfigError
from tests.observability.batches import make_batch, make_records

BATCH = make_batch(make_records(1))


def test_spans_are_of_the_service_scoreline_where_nobody_gives_another_name(collector, open_traces):
    traces = open_traces()
    traces.batches.batch_scored(BATCH)
    traces.close(5.0)

    assert (collector.resource["service.name"], collector.resource["service.version"]) == ("scoreline", __version__)


def test_name_attributes_and_headers_are_those_of_opentelemetrys_variables(collector, open_traces, monkeypatch):
    monkeypatch.setenv("OTEL_SERVICE_NAME", "flights-eu")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20token")
    traces = open_traces()
    traces.batches.batch_scored(BATCH)
    traces.close(5.0)

    assert collector.resource["service.name"] == "flights-eu"
    assert collector.resource["deployment.environment"] == "test"
    assert collector.authorizations == ["Bearer token"]


def test_where_the_sdk_is_disabled_nothing_is_exported_and_requests_keep_their_callers_trace(
    collector, open_traces, monkeypatch
):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    traces = open_traces()
    traces.batches.batch_scored(BATCH)
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    span = traces.requests.begin("GET", {"traceparent": parent})
    assert span.context.trace_id == "a" * 32
    assert traces.requests.begin("GET", {}).context is None
    span.end("GET", "/stats", 200, request_id="r", instances=0, version=None)
    traces.close(5.0)

    assert collector.requests == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret without a name"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "many"),
    ],
)
def test_variables_that_make_no_sense_end_the_start_without_showing_a_credential(
    variable, value, open_traces, monkeypatch, caplog
):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match="OTEL_") as refused:
        open_traces()

    assert "s3cret" not in str(refused.value) + caplog.text
