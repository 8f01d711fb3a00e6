"""`scoreline broker` as people use it."""

import os
import signal
import socket
import subprocess
import sys

import pytest
from confluent_kafka import Producer

from scoreline.local.network import free_ports
from scoreline.testing.consume import produce_records, read_records
from scoreline.testing.processes import ends, find_children
from scoreline.testing.topics import Topics
from scoreline.transport.record import StoredRecord

COMMAND = [sys.executable, "-m", "scoreline", "broker"]


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
def test_it_serves_until_a_signal_leaves_no_process_and_keeps_a_folder_of_ones_own(kafka, run, tmp_path):
    (port,) = free_ports(1)
    address, arguments = f"127.0.0.1:{port}", ("--port", str(port), "--folder", str(tmp_path / "kafka"))

    def serve_until(number, work):
        process = run(*arguments)
        assert f"listens on {address}" in process.stdout.readline()
        (guardian,) = find_children(process.pid)
        (jvm,) = find_children(guardian)
        work()
        process.send_signal(number)
        assert process.wait(30) == 0
        assert ends(guardian)
        assert ends(jvm)

    def write():
        topic = Topics(address).make("kept", exact=True)
        produce_records(address, topic, [StoredRecord(value_=b"1")])

    def read():
        assert [r.value() for r in read_records(address, "kept", at_least=1)] == [b"1"]

    serve_until(signal.SIGTERM, write)
    serve_until(signal.SIGINT, read)


@pytest.mark.kafka
def test_a_port_that_is_taken_ends_it_with_3_and_names_the_port(kafka, run):
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", port)):
        process = run("--port", str(port))
        assert process.wait(30) == 3
    assert f"port {port} on 127.0.0.1 is taken" in process.stderr.read()


@pytest.mark.kafka
def test_a_broker_that_dies_ends_it_with_3(kafka, run):
    (port,) = free_ports(1)
    process = run("--port", str(port))
    assert "listens" in process.stdout.readline()
    (guardian,) = find_children(process.pid)
    (jvm,) = find_children(guardian)
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
