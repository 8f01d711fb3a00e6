"""What becomes of spans that a collector takes, refuses, or does not answer for."""

import logging
import time

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from scoreline.observability.traces.exporting import MOST_REASON_CHARACTERS, WatchedExporter
from tests.http.sidecars import read_fields
from tests.observability.batches import make_batch, make_records

BATCH = make_batch(make_records(1))


@pytest.fixture(autouse=True)
def _level(caplog):
    caplog.set_level(logging.INFO)


def export_one(traces):
    traces.batches.batch_scored(BATCH)
    traces._provider.force_flush()


def test_spans_that_are_refused_are_counted_and_logged_once_until_they_are_taken_again(
    collector, open_traces, counted, caplog
):
    traces = open_traces()
    collector.status = 400
    for _ in range(3):
        export_one(traces)
    assert (counted.exported, counted.failed) == (0, 3)
    (lost,) = read_fields(caplog, "spans_lost")
    assert "400" in lost["error"]

    collector.status = 200
    for _ in range(2):
        export_one(traces)
    assert (counted.exported, counted.failed) == (2, 3)
    assert len(read_fields(caplog, "spans_exported_again")) == 1
    assert {r.name for r in caplog.records} == {"scoreline.traces"}, "the exporter's own lines are kept back"


def test_of_a_long_answer_of_a_collector_the_log_has_the_beginning(collector, open_traces, caplog):
    collector.status, collector.phrase = 400, "No" + "x" * 10_000
    export_one(open_traces())

    (lost,) = read_fields(caplog, "spans_lost")
    assert "400, reason: Noxxx" in lost["error"]
    assert len(lost["error"]) == MOST_REASON_CHARACTERS + 1


def test_a_collector_that_is_not_there_is_no_error_of_the_flow(open_traces, counted, caplog, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    traces = open_traces()
    export_one(traces)

    assert counted.failed == 1
    assert len(read_fields(caplog, "spans_lost")) == 1


class Broken(SpanExporter):
    def export(self, spans):
        raise ValueError("the header 'Bearer secret' is none")

    def shutdown(self):
        pass


def test_an_exporter_that_raises_is_told_of_by_the_name_of_the_error_alone(counted, caplog):
    exporter = WatchedExporter(Broken(), counted)
    assert exporter.export([None, None]) is SpanExportResult.FAILURE
    exporter.shutdown()

    assert counted.failed == 2
    assert [line["error"] for line in read_fields(caplog, "spans_lost")] == ["ValueError"]
    assert "secret" not in caplog.text


def test_what_is_left_is_exported_at_the_end(collector, open_traces, counted):
    traces = open_traces()
    for _ in range(5):
        traces.batches.batch_scored(BATCH)
    assert collector.requests == []
    traces.close(5.0)

    assert len(collector.spans) == counted.exported == 5


def test_a_collector_that_does_not_answer_holds_up_the_end_no_longer_than_it_may(collector, open_traces):
    collector.answering.clear()
    traces = open_traces()
    traces.batches.batch_scored(BATCH)
    began = time.monotonic()
    traces.close(0.1)
    took = time.monotonic() - began

    assert collector.asked.wait(5)
    assert took < 2.0
    collector.answering.set()
