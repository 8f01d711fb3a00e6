"""What is logged while stream, sidecar and jobs work, and fail: no secret, and at INFO no value of a feature."""

import io
import json
import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider

from scoreline.config.tokens import Access, Token
from scoreline.http.access_log import AccessLogMode
from scoreline.jobs.events import EVENTS_PARTITION_HEADER
from scoreline.jobs.log import LoggingView
from scoreline.observability.client_log import ClientLog
from scoreline.observability.dead_letters import DeadLetterLog
from scoreline.observability.logs import configure_logging
from scoreline.observability.stats import Stats
from scoreline.observability.summary import Summary
from scoreline.observability.traces.batches import BatchTraces
from scoreline.observability.traces.requests import RequestTraces
from scoreline.schemas.registry import RegistryCatalog
from scoreline.service.jobs_health import WorkerHealth
from scoreline.stream.breaker import Breaker
from scoreline.stream.health import StreamHealth
from scoreline.transport.record import StoredRecord
from tests.http.batch.batch_sidecars import serve_batch, write_lines
from tests.http.sidecars import make_model
from tests.jobs.builders import JOB, make_chunk, submitted
from tests.jobs.scenes import Scene as JobScene
from tests.jobs.scenes import turn
from tests.observability.batches import make_batch
from tests.stream.scenes import Scene, encode

VALUES = {"a number": 731942.615873, "a text": "needle-of-a-feature"}
NEEDLES = ["731942", "615873", "needle", "s3cret"]
HOSTILE_STATES = ["needle", "a=1,needle=", "a=needle,a=needle", "a=1;needle\u00e9=731942", "needle" * 90]
FIRST_FIELDS = ["timestamp", "level", "logger", "event", "message"]


@pytest.fixture
def lines():
    """The service's log as it is written, at INFO."""
    stream = io.StringIO()
    restore = configure_logging("INFO", "json", stream)
    try:
        yield lambda: stream.getvalue().splitlines()
    finally:
        restore()


def read_events(lines):
    """Events of lines, each of which is shaped as the contract says and holds nothing that it may not."""
    for line in lines:
        assert list(json.loads(line))[:5] == FIRST_FIELDS
        assert not [needle for needle in NEEDLES if needle in line.lower()], line
    return {json.loads(line)["event"] for line in lines}


def watch(scene):
    scene.loop._observers = (*scene.loop._observers, StreamHealth(scene.tick), DeadLetterLog(scene.tick))
    scene.loop._batch_observers = scene.loop._observers
    scene.loop._recovery._observers = scene.loop._observers


def test_the_stream_logs_neither(lines):
    scene = Scene(breaker=Breaker(max_ratio=0.9, window=1000))
    watch(scene)
    number, text = VALUES.values()
    for value in (encode(number), text.encode(), encode(float("inf"), number), encode(number, schema_id=9)):
        scene.broker.append("features", value, key=text.encode(), headers=[("scoreline-pin-version", text.encode())])
        scene.broker.append("features", value, key=text.encode())
    scene.turn(2)
    registry = RegistryCatalog(
        "http://s3cret-url@127.0.0.1:1", username="s3cret-user", password="s3cret-password", timeout_seconds=0.2
    )
    scene.catalog.find_writer = registry.find_writer
    scene.catalog.away = True
    scene.broker.append("features", encode(number, schema_id=2), key=text.encode())
    scene.stop.wait = lambda timeout=None: setattr(scene.stop, "requested", True) or True
    scene.turn(1)

    assert read_events(lines()) >= {"dead_letters", "batch_rolled_back"}


@pytest.mark.parametrize("mode", AccessLogMode)
async def test_the_sidecar_logs_neither(mode, lines):
    class Failing(type(make_model(1.0))):
        def predict(self, features):
            raise ZeroDivisionError

    token = Token(Access.PREDICT, "s3cret-token")
    number, text = VALUES.values()
    for model in (make_model(1.0, 1.0), Failing([], [])):
        async with serve_batch(models={1: model}, tokens=[token], access_log=mode) as batch:
            for bearer in (token.value, "s3cret-guess"):
                headers = {"Authorization": f"Bearer {bearer}", "traceparent": text}
                for row in ({"a": number, "b": 1.0}, {"a": text, "b": 1.0}, {text: number}):
                    await batch.running.predict([row], headers=headers)
                    await batch.running.predict([row], f"?version={text}", headers=headers)
                    await batch.submit_lines(write_lines([row]), **headers)
                await batch.running.get(f"/{text}?{text}={number}", headers=headers)

    events = read_events(lines())
    assert ("request_served" in events) is (mode is not AccessLogMode.NONE)


async def test_spans_of_hostile_headers_log_neither(lines):
    """With the sampler as delivered, which records all spans of callers that say so."""
    provider = TracerProvider(shutdown_on_exit=False)
    tracer = provider.get_tracer("scoreline")
    batches, number = BatchTraces(tracer, "group"), VALUES["a number"]
    traceparents = [f"00-{'731942' * 5}00-{'615873' * 2}0000-01", f"00-{'a' * 32}-{'b' * 16}-01"]
    records = []
    async with serve_batch(tracer=RequestTraces(tracer), access_log=AccessLogMode.NONE) as batch:
        for state in HOSTILE_STATES:
            for traceparent in traceparents:
                headers = {"traceparent": traceparent, "tracestate": state, "baggage": state}
                await batch.running.predict([{"a": number, "b": 1.0}], headers=headers)
                await batch.submit_lines(write_lines([{"a": number, "b": 1.0}]), **headers)
                records.append(StoredRecord(headers_=[(name, value.encode()) for name, value in headers.items()]))
    batches.batch_scored(make_batch(records))
    provider.shutdown()

    assert read_events(lines()) == {"http_started", "http_stopped"}


def test_workers_of_jobs_log_neither(lines):
    scene, (number, text) = JobScene(), VALUES.values()
    health = WorkerHealth(lambda: scene.now, ("jobs", "bulk"))
    log = LoggingView(scene.view, lambda status: None)
    scene.put(make_chunk([json.dumps({"a": value}).encode() for value in (number, text)]))
    scene.versions.away = True
    worker = scene.make_worker(observers=[health])
    turn([worker], 2)
    scene.versions.away = False
    turn([worker], 4)
    headers = [(EVENTS_PARTITION_HEADER, b"0")]
    scene.broker.append("jobs", text.encode(), key=f"{JOB}/1".encode(), partition=1, headers=headers)
    turn([worker], 4)
    log.apply(submitted(), 0)
    for event in scene.read_events():
        log.apply(event, 0)

    told = {"chunk_rolled_back", "chunk_buried", "jobs_resumed", "job_submitted", "job_failed"}
    assert read_events(lines()) >= told


def test_summaries_and_lines_of_the_client_are_shaped_as_all_others(lines):
    Summary(Stats(), ["stream", "http", "jobs"]).tick()
    ClientLog().client_error("_AUTHENTICATION", "SASL authentication error")
    logging.getLogger("another.library").warning("something")

    assert read_events(lines()) == {"summary", "client_error", "log"}
    assert [json.loads(line).get("role") for line in lines()[:3]] == ["stream", "http", "jobs"]
