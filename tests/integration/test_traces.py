"""The whole service with `SCORELINE_TRACES=otlp`: all roles, and a collector."""

import pytest

from scoreline.observability.traces.context import find_trace_id
from scoreline.testing.consume import produce_records, read_records
from scoreline.transport.record import StoredRecord
from tests.integration.job_calls import await_job, submit, to_lines
from tests.observability.traces.collector import read_attributes, run_collector

pytestmark = pytest.mark.kafka

OF_RECORD, OF_JOB = "a" * 32, "b" * 32


def make_traceparent(trace_id):
    return f"00-{trace_id}-{'c' * 16}-01"


def test_a_record_and_a_job_are_found_in_their_traces_when_the_service_has_stopped(
    deploy, deploy_jobs, streamed_flights, monkeypatch
):
    """What was not exported by then goes out with the stop."""
    headers = [("traceparent", make_traceparent(OF_RECORD).encode())]
    with run_collector() as (collector, url):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "60000")
        streaming = deploy(TRACES="otlp")
        working = deploy_jobs("working", ["http", "jobs"], TRACES="otlp")
        value = streaming.encoder.encode({**streamed_flights.rows[0], "id": "0"})
        records = [StoredRecord("", 0, 0, b"0", value, headers), StoredRecord("", 0, 0, b"1", b"nonsense", headers)]
        produce_records(streaming.bootstrap_servers, streaming.input_topic, records)
        streaming.service.start().await_ready()
        working.await_ready()
        rows = to_lines(streamed_flights.rows[:10])
        job = submit(working.url, rows, traceparent=make_traceparent(OF_JOB))
        await_job(working.url, job["job_id"])
        answers = [
            read_records(streaming.bootstrap_servers, topic, at_least=1)[0]
            for topic in (streaming.output_topic, streaming.dead_letter_topic)
        ]
        assert streaming.service.terminate() == working.terminate() == 0

    assert [find_trace_id(answer) for answer in answers] == [OF_RECORD, OF_RECORD]
    (told,) = streaming.service.logs("dead_letters")
    assert told["trace_id"] == OF_RECORD
    linked = [link.trace_id.hex() for s in collector.spans if s.name.startswith("score ") for link in s.links]
    assert sorted(set(linked)) == [OF_RECORD, OF_JOB]
    (request,) = (s for s in collector.spans if s.name == "POST /batch" and s.trace_id.hex() == OF_JOB)
    (chunk,) = (s for s in collector.spans if read_attributes(s.attributes).get("scoreline.job_id") == job["job_id"])
    assert (chunk.trace_id, chunk.parent_span_id) == (request.trace_id, request.span_id)
    assert {line["trace_id"] for line in working.logs("job_succeeded")} == {OF_JOB}
