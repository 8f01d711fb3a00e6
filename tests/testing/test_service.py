import json
import signal
import sys
from pathlib import Path

import pytest

from scoreline.errors import Unavailable
from scoreline.testing.processes import is_frozen
from scoreline.testing.service import ServiceProcess

pytestmark = pytest.mark.slow  # together, not each: they all start processes

PREAMBLE = """
import json, os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

def log(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)
"""

ANSWERING = (
    PREAMBLE
    + """
class Health(BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Health.asked += 1
        self.send_response(200 if Health.asked > 1 else 503)
        self.end_headers()
    def log_message(self, *_):
        pass

def stop(*_):
    log("stopped")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
seen = sorted(v for k, v in os.environ.items() if k.startswith("SCORELINE_") and k != "SCORELINE_HTTP_PORT")
log("started", arguments=sys.argv[1:], seen=seen, folder=os.getcwd())
print("not json", flush=True)
HTTPServer(("127.0.0.1", int(os.environ["SCORELINE_HTTP_PORT"])), Health).serve_forever()
"""
)


@pytest.fixture
def service(tmp_path):
    with stand_in(ANSWERING, tmp_path, {"MODEL": "flights"}, roles=["http"]) as process:
        yield process


def stand_in(script, folder, variables=None, **more):
    """A process that answers as the service does, within a fraction of its time."""
    command = (sys.executable, "-I", "-S", "-c", script)
    return ServiceProcess(variables or {}, folder, command=command, **more)


def test_it_is_waited_for_until_it_says_that_it_is_ready(service):
    service.await_ready()
    assert service.ask("/health/ready") == 200


def test_only_what_is_configured_gets_through(tmp_path, monkeypatch):
    monkeypatch.setenv("SCORELINE_MODEL_ALIAS", "of the person who runs the tests")
    with stand_in(ANSWERING, tmp_path, {"MODEL": "flights"}, roles=["http", "stream"]) as service:
        service.await_ready()
        (started,) = service.logs("started")
    assert started["seen"] == ["flights"]
    assert started["arguments"] == ["--role=http", "--role=stream"]
    assert Path(started["folder"]) == tmp_path


def test_sigterm_gives_the_exit_code_and_the_last_log_entry(service):
    service.await_ready()
    assert service.terminate() == 0
    assert [entry["event"] for entry in service.logs()] == ["started", "stopped"]


def test_it_starts_again_on_the_same_port_and_goes_on_with_the_same_log(service):
    service.await_ready()
    url = service.url
    service.kill()
    assert not service.running
    assert service.ask("/health/ready") is None
    service.start().await_ready()
    assert service.url == url
    assert len(service.logs("started")) == 2


def test_a_frozen_one_is_there_and_does_not_answer(service):
    service.await_ready()
    service.freeze()
    while not is_frozen(service.pid):
        assert service.process.wait(0.01) is None
    assert service.running
    service.thaw()
    assert service.ask("/") == 200


def test_one_that_ends_before_it_is_ready_is_reported_with_what_it_said(tmp_path):
    service = stand_in("import sys; print('no model', file=sys.stderr); sys.exit(3)", tmp_path)
    with service, pytest.raises(Unavailable, match=r"ended with 3:\n.*no model"):
        service.await_ready()


def test_one_that_is_never_ready_is_given_up(tmp_path):
    with stand_in("import time; time.sleep(60)", tmp_path) as service, pytest.raises(Unavailable, match="not ready"):
        service.await_ready(0.1)


def test_one_that_does_not_listen_to_sigterm_is_killed_and_reported(tmp_path):
    script = PREAMBLE + "signal.signal(signal.SIGTERM, signal.SIG_IGN); log('up'); import time; time.sleep(60)"
    with stand_in(script, tmp_path) as service:
        while not service.logs("up"):
            assert service.process.wait(0.01) is None
        with pytest.raises(Unavailable, match="did not end"):
            service.terminate(0.1)
        assert service.process.return_code == -signal.SIGKILL


def test_half_a_line_is_no_log_entry_yet(tmp_path):
    (tmp_path / "service.jsonl").write_text(json.dumps({"event": "whole"}) + '\n{"event": "ha')
    assert ServiceProcess({}, tmp_path).logs() == [{"event": "whole"}]
