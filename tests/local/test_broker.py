import socket

import pytest

from scoreline.errors import Unavailable
from scoreline.local.broker import KafkaBroker
from scoreline.local.jars import KafkaRuntime

FORMATS = 'case "$*" in *StorageTool*) mkdir -p "$data"; : > "$data/meta.properties"; exit 0;; esac'


def fake_java(folder, script):
    """A program that stands in for Java: formats, and then does what the script says."""
    java = folder / "java"
    java.write_text(f"#!/bin/sh\ndata={folder}/kafka/data\n{script}\n")
    java.chmod(0o755)
    return KafkaRuntime(java, ())


def test_a_port_that_is_taken_is_named_before_anything_is_started(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        broker = KafkaBroker(tmp_path / "kafka", port, runtime=fake_java(tmp_path, "exit 1"))
        with pytest.raises(Unavailable, match=f"port {port} on 127.0.0.1 is taken"):
            broker.start()


def test_a_folder_that_kafka_refuses_is_named_with_what_it_said(tmp_path):
    broker = KafkaBroker(tmp_path / "kafka", runtime=fake_java(tmp_path, "echo 'disk is full' >&2; exit 1"))
    with pytest.raises(Unavailable, match=r"kafka: disk is full"):
        broker.start()


@pytest.mark.slow
def test_a_broker_that_dies_is_reported_with_its_last_words(tmp_path):
    broker = KafkaBroker(tmp_path / "kafka", runtime=fake_java(tmp_path, f"{FORMATS}; echo 'out of luck'; exit 3"))
    with pytest.raises(Unavailable, match=r"exit code 3.*\n.*out of luck"):
        broker.start()
    assert not broker.running


@pytest.mark.slow
def test_one_that_never_answers_is_ended(tmp_path):
    java = fake_java(tmp_path, f"{FORMATS}; exec sleep 60")
    broker = KafkaBroker(tmp_path / "kafka", runtime=java, ready_within_seconds=0.1)
    with pytest.raises(Unavailable, match="no broker answers"):
        broker.start()
    assert not broker.running


@pytest.mark.slow
def test_a_port_that_somebody_was_quicker_to_take_is_exchanged(tmp_path):
    script = f"{FORMATS}; echo x >> {tmp_path}/attempts; echo 'java.net.BindException: Address already in use'; exit 1"
    broker = KafkaBroker(tmp_path / "kafka", runtime=fake_java(tmp_path, script))
    ports = broker.ports
    with pytest.raises(Unavailable, match="Address already in use"):
        broker.start()
    assert (tmp_path / "attempts").read_text() == "x\n" * 3
    assert broker.ports != ports


def test_a_temporary_folder_is_not_made_before_the_start(tmp_path):
    broker = KafkaBroker(runtime=fake_java(tmp_path, "exit 1"))
    assert not broker.folder.exists()
    with pytest.raises(Unavailable), broker:
        pass
    assert not broker.folder.exists()
