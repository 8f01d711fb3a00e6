import logging

import pytest

from scoreline.features import Feature
from scoreline.http.access_log import AccessLog, AccessLogMode
from scoreline.http.served import Served
from scoreline.testing.fakes import WeightedSum
from tests.http.sidecars import read_fields, serve


def served(status: int = 200, seconds: float = 0.01) -> Served:
    return Served("/predict", "POST", status, seconds, "r-1", 3, 7)


@pytest.mark.parametrize(
    ("mode", "status", "seconds", "lines"),
    [
        (AccessLogMode.ERRORS, 200, 0.01, 0),
        (AccessLogMode.ERRORS, 200, 0.11, 1),
        (AccessLogMode.ERRORS, 422, 0.01, 1),
        (AccessLogMode.ERRORS, 503, 0.01, 1),
        (AccessLogMode.ALL, 200, 0.01, 1),
        (AccessLogMode.NONE, 503, 1.0, 0),
    ],
)
def test_the_mode_says_which_requests_get_a_line(mode, status, seconds, lines, caplog):
    caplog.set_level(logging.INFO, "scoreline.http")
    AccessLog(mode).request_served(served(status, seconds), None)
    assert len(read_fields(caplog, "request_served")) == lines


def test_a_line_has_the_fields_of_the_request(caplog):
    caplog.set_level(logging.INFO, "scoreline.http")
    AccessLog(AccessLogMode.ALL).request_served(served(503), "No model is live")
    (fields,) = read_fields(caplog, "request_served")
    assert fields == {
        "event": "request_served",
        "route": "/predict",
        "method": "POST",
        "status": 503,
        "seconds": 0.01,
        "request_id": "r-1",
        "trace_id": None,
        "instances": 3,
        "version": 7,
        "problem": "No model is live",
    }
    assert [r.levelname for r in caplog.records] == ["WARNING"]


async def test_a_line_holds_nothing_that_a_caller_wrote(caplog):
    """Neither path, query, values, headers nor tokens; an id with a line break in it is replaced."""
    caplog.set_level(logging.INFO)
    async with serve(access_log=AccessLogMode.ALL) as running:
        headers = {"Authorization": "Bearer evil-token", "X-Request-Id": "evil id", "User-Agent": "evil-agent"}
        await running.predict([{"evil-feature": "evil-value"}], "?version=evil-version", headers=headers)
        await running.predict([{"a": "evil-value"}], headers=headers)
        await running.get("/evil/path", headers=headers)
        await running.say(b"EVIL / HTTP/1.1\r\nHost: evil\r\n\r\n")
    assert len(read_fields(caplog, "request_served")) == 4
    written = "".join(str(vars(record)) for record in caplog.records if record.name.startswith("scoreline"))
    assert "evil" not in written.lower()


async def test_every_line_about_a_request_names_it_and_the_trace_of_its_caller(caplog):
    """Without spans, too; also where it fails, on a thread or on the event loop."""

    class Failing(WeightedSum):
        def predict(self, features):
            raise ZeroDivisionError

    caplog.set_level(logging.INFO, "scoreline.http")
    headers = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-00", "X-Request-Id": "r-1"}
    async with serve({1: Failing([Feature("a")], [1.0])}, access_log=AccessLogMode.ALL) as running:
        await running.predict([{"a": 1}], headers=headers)
        await running.predict([{"a": 1}] * 1000, headers=headers)
        await running.get("/no/such/path", headers=headers)

    lines = read_fields(caplog, "request_served") + read_fields(caplog, "request_failed")
    assert len(lines) == 5
    assert {(line["request_id"], line["trace_id"]) for line in lines} == {("r-1", "a" * 32)}
