"""Spans of HTTP requests, as a collector gets them, from a sidecar on loopback."""

import logging

import pytest

from scoreline.http.access_log import AccessLogMode
from tests.http.batch.batch_sidecars import serve_batch
from tests.http.sidecars import Held, happens, read_fields, serve, until
from tests.http.wire.test_at_once import ask, connect, count_tasks
from tests.observability.traces.collector import read_attributes

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"
ROWS = [{"a": 1.0, "b": 2.0}]


async def test_a_request_is_a_span_below_its_callers(collector, open_traces):
    traces = open_traces()
    async with serve(tracer=traces.requests) as running:
        answer = await running.predict(ROWS, headers={"traceparent": SAMPLED, "X-Request-Id": "r-1"})
    traces.close(5.0)

    assert answer.status == 200
    (span,) = collector.spans
    assert (span.name, span.kind) == ("POST /predict", span.SPAN_KIND_SERVER)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, SPAN)
    assert span.end_time_unix_nano > span.start_time_unix_nano
    assert read_attributes(span.attributes) == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "scoreline.request_id": "r-1",
        "scoreline.instances": 1,
        "scoreline.version": 1,
    }


async def test_a_request_that_is_answered_at_once_is_one_too(collector, open_traces):
    traces = open_traces()
    headers = f"traceparent: {SAMPLED}\r\n".encode()
    async with serve(tracer=traces.requests) as running, connect(running) as caller, count_tasks() as tasks:
        assert (await caller.call(ask(ROWS, headers=headers)))[0] == 200
        assert (await caller.call(ask([{"z": 1}], headers=headers)))[0] == 422
        assert set(tasks) == {"Caller.read"}, "the sidecar makes none"
    traces.close(5.0)

    told = [read_attributes(span.attributes) for span in collector.spans]
    assert {span.parent_span_id.hex() for span in collector.spans} == {SPAN}
    assert [(each["http.route"], each["http.response.status_code"]) for each in told] == [
        ("/predict", 200),
        ("/predict", 422),
    ]


async def test_only_what_the_service_did_wrong_is_an_error_of_the_span(collector, open_traces):
    class Failing(Held):
        def predict(self, features):
            raise ZeroDivisionError

    traces = open_traces()
    async with serve({1: Failing()}, tracer=traces.requests) as running:
        await running.predict([{"a": 1}])
        await running.predict([{"no-feature": 1}])
        await running.get("/no/such/secret/path")
    traces.close(5.0)

    told = [(span.status.code, read_attributes(span.attributes)) for span in collector.spans]
    assert [(code, each["http.response.status_code"], each.get("error.type")) for code, each in told] == [
        (2, 500, "500"),
        (0, 422, None),
        (0, 404, None),
    ]
    assert "secret" not in str(collector.requests)


async def test_what_probes_and_scrapers_ask_for_is_a_span_only_below_one(collector, open_traces):
    traces = open_traces()
    async with serve(tracer=traces.requests) as running:
        for path in ("/health", "/health/live", "/health/ready", "/metrics", "/v2/health/live"):
            await running.get(path)
        await running.get("/health/live", headers={"traceparent": SAMPLED})
    traces.close(5.0)

    assert [span.name for span in collector.spans] == ["GET /health/live"]


async def test_a_caller_who_does_not_sample_is_followed_and_its_trace_is_still_in_the_log(
    collector, open_traces, caplog
):
    caplog.set_level(logging.INFO, "scoreline.http")
    traces = open_traces()
    async with serve(tracer=traces.requests, access_log=AccessLogMode.ALL) as running:
        await running.predict(ROWS, headers={"traceparent": UNSAMPLED})
        await running.predict(ROWS, headers={"traceparent": UNSAMPLED})
    traces.close(5.0)

    assert collector.spans == []
    assert [line["trace_id"] for line in read_fields(caplog, "request_served")] == [TRACE, TRACE]


async def test_a_caller_who_samples_is_followed_where_nothing_is_sampled_otherwise(collector, open_traces, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    traces = open_traces()
    async with serve(tracer=traces.requests) as running:
        await running.predict(ROWS)
        await running.predict(ROWS, headers={"traceparent": SAMPLED})
    traces.close(5.0)

    assert [span.trace_id.hex() for span in collector.spans] == [TRACE]


async def test_the_log_has_the_trace_that_the_span_has_begun(collector, open_traces, caplog):
    caplog.set_level(logging.INFO, "scoreline.http")
    traces = open_traces()
    async with serve(tracer=traces.requests, access_log=AccessLogMode.ALL) as running:
        await running.predict(ROWS)
    traces.close(5.0)

    (line,) = read_fields(caplog, "request_served")
    assert [span.trace_id.hex() for span in collector.spans] == [line["trace_id"]]


async def test_a_caller_who_hangs_up_is_a_span_too(collector, open_traces):
    traces, model = open_traces(), Held()
    async with serve({1: model}, tracer=traces.requests) as running:
        body = b'{"instances": [{"a": 1}, {"a": 2}' + b" " * 20_000 + b"]}"
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        await running.hang_up_after(head % len(body) + body)
        await happens(model.entered)
        model.release.set()
        await until(lambda: running.sidecar.in_flight == 0)
    traces.close(5.0)

    (span,) = collector.spans
    assert read_attributes(span.attributes)["http.response.status_code"] == 499


@pytest.mark.parametrize("traced", [True, False])
async def test_chunks_and_events_of_a_job_carry_on_the_trace_of_its_submission(traced, collector, open_traces):
    """Below the span of the request where there is one, else below its caller's."""
    traces = open_traces()
    async with serve_batch(tracer=traces.requests if traced else None) as batch:
        answer = await batch.submit(ROWS, traceparent=SAMPLED, tracestate="a=1")
        job_id = answer.json["job_id"]
        await batch.running.ask("DELETE", f"/batch/{job_id}", headers={"traceparent": SAMPLED})
    traces.close(5.0)

    spans = [span.span_id.hex() for span in collector.spans] if traced else [SPAN, SPAN]
    submitted = [("traceparent", f"00-{TRACE}-{spans[0]}-01".encode()), ("tracestate", b"a=1")]
    assert batch.topics.headers == [
        submitted,
        submitted,
        [("traceparent", f"00-{TRACE}-{spans[1]}-01".encode())],
    ]


async def test_a_job_that_is_in_no_trace_has_no_headers_of_one():
    async with serve_batch() as batch:
        await batch.submit(ROWS)
        assert batch.topics.headers == [(), ()]
