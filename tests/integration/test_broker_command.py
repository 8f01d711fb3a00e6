"""`scoreline broker` as people use it."""

import os
import select
import signal
import subprocess
import sys

import pytest
from confluent_kafka import Producer

from scoreline.local.network import free_ports
from scoreline.testing.consume import produce_records, read_records
from scoreline.testing.topics import Topics
from scoreline.transport.record import StoredRecord

COMMAND = [sys.executable, "-m", "scoreline", "broker"]


def children(pid):
    """Processes below this one, all the way down."""
    done = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    found, queue = [], [pid]
    while queue:
        parent = queue.pop()
        mine = [child for child, p in pairs if p == parent]
        found += mine
        queue += mine
    return found


def is_gone(pid, within_seconds=10.0):
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], within_seconds)[0])
    finally:
        os.close(watched)


@pytest.fixture
def run():
    """Start the command; ended with the test."""
    started = []

    def run(*arguments):
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        with process:
            process.kill()


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_leaves_no_process(kafka, run, tmp_path, number):
    (port,) = free_ports(1)
    process = run("--port", str(port), "--folder", str(tmp_path / "kafka"))
    assert f"listens on 127.0.0.1:{port}" in process.stdout.readline()
    topic = Topics(f"127.0.0.1:{port}").make()
    produce_records(f"127.0.0.1:{port}", topic, [StoredRecord(value_=b"kept")])
    below = children(process.pid)
    assert len(below) == 2
    process.send_signal(number)
    assert process.wait(30) == 0
    assert all(is_gone(pid) for pid in below)

    again = run("--port", str(port), "--folder", str(tmp_path / "kafka"))
    assert "listens" in again.stdout.readline()
    assert [r.value() for r in read_records(f"127.0.0.1:{port}", topic, at_least=1)] == [b"kept"]


@pytest.mark.kafka
def test_a_port_that_is_taken_ends_it_with_3_and_names_the_port(kafka, run):
    (port,) = free_ports(1)
    import socket

    with socket.create_server(("127.0.0.1", port)):
        process = run("--port", str(port))
        assert process.wait(30) == 3
    assert f"port {port} on 127.0.0.1 is taken" in process.stderr.read()


@pytest.mark.kafka
def test_a_broker_that_dies_ends_it_with_3(kafka, run):
    (port,) = free_ports(1)
    process = run("--port", str(port))
    assert "listens" in process.stdout.readline()
    (guardian,) = [pid for pid in children(process.pid) if children(pid)]
    (jvm,) = children(guardian)
    os.kill(jvm, signal.SIGKILL)
    assert process.wait(30) == 3
    assert "ended by itself (exit code -9)" in process.stderr.read()


@pytest.mark.slow
def test_the_mock_answers_clients_and_says_what_it_does_not_prove(run):
    process = run("--mock")
    address = process.stdout.readline().split()[-1]
    assert "proves nothing about guarantees" in process.stderr.readline()
    producer = Producer({"bootstrap.servers": address})
    producer.produce("anything", b"x")
    assert producer.flush(10) == 0
    process.terminate()
    assert process.wait(10) == 0
