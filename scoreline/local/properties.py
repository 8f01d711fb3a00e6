"""What a one-node broker is told: its `server.properties`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

HOST = "127.0.0.1"

FAST_TIMEOUTS: Mapping[str, str] = MappingProxyType(
    {
        "group.consumer.min.session.timeout.ms": "3000",
        "group.consumer.session.timeout.ms": "6000",
        "group.consumer.min.heartbeat.interval.ms": "500",
        "group.consumer.heartbeat.interval.ms": "1000",
        "group.min.session.timeout.ms": "3000",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    }
)
"""Failures are noticed in seconds, where Kafka's defaults take up to 45: for tests."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a broker listens, on loopback only.

    Attributes:
        client: for everybody.
        controller: for itself.
        behind_proxy: a second listener for a proxy, whose clients are told the proxy's port; None without.
        locked: listeners that ask who comes, by their security protocol: `SASL_SSL`, `SSL`.
    """

    client: int
    controller: int
    behind_proxy: int | None = None
    locked: Mapping[str, int] = field(default_factory=dict)


def server_properties(
    ports: Ports, data: Path, *, advertised_via: int | None = None, overrides: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Properties of a broker that is its own controller, with one replica of everything.

    Args:
        ports: where it listens.
        data: folder of its logs.
        advertised_via: port of the proxy in front of `ports.behind_proxy`.
        overrides: win over everything here.
    """
    listeners = {"PLAINTEXT": ports.client, "CONTROLLER": ports.controller}
    advertised = {"PLAINTEXT": ports.client}
    if ports.behind_proxy is not None and advertised_via is not None:
        listeners["VIA"] = ports.behind_proxy
        advertised["VIA"] = advertised_via
    protocols = dict.fromkeys(listeners, "PLAINTEXT") | {name: name for name in ports.locked}
    listeners |= ports.locked
    advertised |= ports.locked
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{ports.controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listeners": addresses(listeners),
        "advertised.listeners": addresses(advertised),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "5",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "5",
        "group.initial.rebalance.delay.ms": "0",
        # After kill -9 a broker may not register again before its last session is over: 9 s by default.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # 128 MB of heap by default, set aside at the start whether or not a topic is compacted.
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        **(overrides or {}),
    }


def addresses(listeners: Mapping[str, int]) -> str:
    """Listeners in Kafka's notation."""
    return ",".join(f"{name}://{HOST}:{port}" for name, port in listeners.items())


def write_properties(path: Path, properties: Mapping[str, str]) -> None:
    """Write a Java properties file; backslashes are the one character of ours that it would read differently."""
    path.write_text("".join(f"{name}={value}\n".replace("\\", "\\\\") for name, value in properties.items()))
