"""Commands that are ended, or fail, while their Kafka is away: what people then see."""

import json
import signal
import subprocess
import sys
import time

import pytest

from scoreline.testing.consume import produce_records
from scoreline.transport.record import StoredRecord

pytestmark = pytest.mark.slow


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts a command as a process of its own; it does not outlive the test."""
    processes = []
    (tmp_path / "rows.csv").write_text("a\n1\n")

    def start(*arguments, bootstrap, startup_seconds=30):
        monkeypatch.setenv("SCORELINE_KAFKA_BOOTSTRAP_SERVERS", bootstrap)
        monkeypatch.setenv("SCORELINE_STARTUP_SECONDS", str(startup_seconds))
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen([sys.executable, "-m", "scoreline", *arguments], cwd=tmp_path, **pipes))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def end(process):
    """Its exit code, and the rest of what it said on stderr."""
    _, err = process.communicate(timeout=30)
    return process.returncode, err


@pytest.mark.parametrize("command", [["topics", "create"], ["tail"], ["produce", "rows.csv"]], ids=" ".join)
def test_a_broker_that_is_away_is_one_line_of_ours_without_the_clients_log(command, start):
    code, err = end(start(*command, bootstrap="127.0.0.1:1", startup_seconds=0.5))
    lines = [line for line in err.splitlines() if not line.startswith("checking ")]

    assert code == 3
    assert len(lines) == 1
    assert lines[0].startswith("error: Kafka was not reached within 0.5 s: ")
    assert "Connection refused" in lines[0]


def test_ctrl_c_ends_tail_while_the_broker_is_away(start, mock_kafka):
    """An interrupt that strikes inside the client's call used to come out as a SystemError."""
    produce_records(mock_kafka.bootstrap_servers, "features", [StoredRecord(value_=b"1")])
    tail = start("tail", "features", "--from-beginning", bootstrap=mock_kafka.bootstrap_servers)
    assert json.loads(tail.stdout.readline())["offset"] == 0
    mock_kafka.close()
    time.sleep(0.5)  # nothing shows when the client has found out
    tail.send_signal(signal.SIGINT)

    assert end(tail) == (130, "")
