"""Every contract is tried in memory at once, and on a real Kafka under each group protocol."""

import secrets
from collections.abc import Iterator

import pytest

from scoreline.transport.memory import GroupProtocol
from tests.contracts.worlds import KafkaWorld, MemoryWorld, World

QUICK = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "500"}
KAFKA_PROTOCOLS = {
    "kafka-classic": {**QUICK},
    "kafka-cooperative": {**QUICK, "partition.assignment.strategy": "cooperative-sticky"},
    "kafka-consumer": {"group.protocol": "consumer"},
}
MEMORY_PROTOCOLS = {f"memory-{protocol}": protocol for protocol in GroupProtocol}

EVERY_WORLD = [*MEMORY_PROTOCOLS, *(pytest.param(name, marks=pytest.mark.kafka) for name in KAFKA_PROTOCOLS)]


@pytest.fixture(params=EVERY_WORLD)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    name = request.param
    if name in MEMORY_PROTOCOLS:
        yield MemoryWorld(MEMORY_PROTOCOLS[name])
        return
    kafka = request.getfixturevalue("kafka")
    made = KafkaWorld(kafka.bootstrap_servers, request.getfixturevalue("make_topic"), KAFKA_PROTOCOLS[name])
    yield made
    made.close()


@pytest.fixture
def group() -> str:
    return f"group-{secrets.token_hex(4)}"
