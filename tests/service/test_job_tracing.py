"""Spans of chunks, from workers over the in-memory broker."""

import time

import pytest

from scoreline.observability.traces.tracing import Traces
from scoreline.service.job_tracing import JobTracing
from tests.jobs.builders import JOB, make_chunk
from tests.jobs.scenes import Scene, turn
from tests.observability.traces.collector import read_attributes, run_collector
from tests.observability.traces.conftest import Counted

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def trace_headers(flags="01"):
    return [("traceparent", f"00-{TRACE}-{SPAN}-{flags}".encode())]


@pytest.fixture
def collect(monkeypatch):
    """Has workers do what there is, and gives the spans that a collector gets of it."""

    def run(scene):
        with run_collector() as (collector, url):
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
            traces = Traces("group", "group-jobs", observer=Counted(), wall_clock=time.time)
            turn([scene.make_worker(observers=[JobTracing(traces.chunks)])], 4)
            traces.close(5.0)
        return collector.spans

    return run


def test_a_chunk_is_a_span_in_the_trace_of_its_submission_and_linked_to_it(collect):
    scene = Scene()
    scene.put(make_chunk([b'{"a":1.5}', b'{"a":"?"}'], number=4), headers=trace_headers())

    (span,) = collect(scene)
    assert (span.name, span.kind) == ("score jobs", span.SPAN_KIND_CONSUMER)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, SPAN)
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in span.links] == [(TRACE, SPAN)]
    told = read_attributes(span.attributes)
    assert {k: v for k, v in told.items() if k.startswith("scoreline.") and "stage" not in k} == {
        "scoreline.job_id": JOB,
        "scoreline.chunk": 4,
        "scoreline.model": "model",
        "scoreline.version": 1,
        "scoreline.rows": 2,
        "scoreline.rows_failed": 1,
    }
    assert told["messaging.consumer.group.name"] == "group-jobs"


def test_chunks_of_a_submission_that_is_not_sampled_are_not_either(collect):
    scene = Scene()
    scene.put(make_chunk([b'{"a":1.5}']), headers=trace_headers("00"))

    assert collect(scene) == []


def test_a_chunk_that_is_in_no_trace_begins_one(collect):
    scene = Scene()
    scene.put_rows(0)

    (span,) = collect(scene)
    assert (span.parent_span_id, len(span.links)) == (b"", 0)


def test_a_chunk_that_cannot_be_read_is_an_error(collect):
    scene = Scene()
    scene.broker.append("jobs", b"nonsense", key=f"{JOB}/7".encode(), headers=trace_headers())

    (span,) = collect(scene)
    told = read_attributes(span.attributes)
    assert (span.status.code, told["scoreline.job_id"], told["scoreline.chunk"]) == (2, JOB, 7)
    assert "nonsense" not in str(span)
