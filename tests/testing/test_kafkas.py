import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from scoreline.errors import Unavailable
from scoreline.local.properties import FAST_TIMEOUTS
from scoreline.testing import kafkas

pytestmark = pytest.mark.slow  # they import testcontainers


class Container:
    """Stands in for testcontainers' class and its daemon."""

    def __init__(self, *, daemon=True, starts=True):
        self.daemon, self.starts = daemon, starts
        self.variables, self.stopped = {}, False

    def install(self, monkeypatch):
        daemon = SimpleNamespace(client=SimpleNamespace(ping=self.ping))
        modules = {
            "testcontainers.community.kafka": SimpleNamespace(KafkaContainer=lambda image: self),
            "testcontainers.core.docker_client": SimpleNamespace(DockerClient=lambda **_: daemon),
        }
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)

    def ping(self):
        if not self.daemon:
            raise ConnectionError("no daemon")

    def with_kraft(self):
        return self

    def with_env(self, name, value):
        self.variables[name] = value

    def start(self, timeout):
        if not self.starts:
            raise RuntimeError("no such image")

    def stop(self):
        self.stopped = True

    def get_bootstrap_server(self):
        return "container:9093"


@pytest.fixture
def local(monkeypatch):
    """Whether the broker from Python packages is to be had: a switch."""
    switch = SimpleNamespace(there=True, properties=None)

    @contextmanager
    def broker(properties):
        switch.properties = properties
        if not switch.there:
            raise Unavailable("no jars")
        yield SimpleNamespace(bootstrap_servers="local:9092")

    monkeypatch.setattr(kafkas, "KafkaBroker", broker)
    return switch


def test_one_that_is_told_is_taken_and_nothing_else_is_tried(monkeypatch):
    asked = []
    monkeypatch.setattr(kafkas, "await_broker", lambda address, timeout_seconds: asked.append(address))
    with kafkas.running_kafka("told:9092") as found:
        assert (found.bootstrap_servers, found.origin) == ("told:9092", "told")
    assert asked == ["told:9092"]


def test_a_container_comes_before_the_local_broker_and_is_stopped(monkeypatch, local):
    container = Container()
    container.install(monkeypatch)
    with kafkas.running_kafka() as found:
        assert (found.bootstrap_servers, found.origin) == ("container:9093", "container")
        assert not container.stopped
    assert container.stopped
    assert local.properties is None


def test_a_container_is_told_the_same_as_the_local_broker(monkeypatch):
    container = Container()
    container.install(monkeypatch)
    with kafkas.container_kafka():
        assert container.variables["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
        assert container.variables["KAFKA_GROUP_CONSUMER_SESSION_TIMEOUT_MS"] == "6000"


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        (Container(daemon=False), "no container engine's daemon answers (ConnectionError)"),
        (Container(starts=False), f"{kafkas.IMAGE} does not start (RuntimeError: no such image)"),
    ],
)
def test_without_a_container_the_local_broker_is_taken_and_the_reason_kept(monkeypatch, local, container, reason):
    container.install(monkeypatch)
    with kafkas.running_kafka() as found:
        assert (found.bootstrap_servers, found.origin) == ("local:9092", "local")
        assert found.passed_over == (reason,)
    assert local.properties == FAST_TIMEOUTS


def test_without_testcontainers_the_local_broker_is_taken(monkeypatch, local):
    monkeypatch.setitem(sys.modules, "testcontainers.community.kafka", None)
    with kafkas.running_kafka() as found:
        assert found.passed_over == ("testcontainers.community.kafka is not installed",)


def test_without_anything_the_error_says_why_of_each(monkeypatch, local):
    Container(daemon=False).install(monkeypatch)
    local.there = False
    with (
        pytest.raises(Unavailable, match=r"no container: .*daemon.*; no local broker: no jars"),
        kafkas.running_kafka(),
    ):
        pass
