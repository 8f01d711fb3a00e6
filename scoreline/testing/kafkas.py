"""Finds a real Kafka for tests: one that is told, else a container, else the broker from Python packages."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from scoreline.errors import Unavailable
from scoreline.local.broker import KafkaBroker
from scoreline.local.network import free_ports
from scoreline.local.properties import FAST_TIMEOUTS, HOST
from scoreline.local.readiness import await_broker
from scoreline.testing.proxy import FaultProxy

if TYPE_CHECKING:
    from testcontainers.community.kafka import KafkaContainer

IMAGE = "confluentinc/cp-kafka:8.0.0"  # Apache Kafka 4.0: the first with the new group protocol for everybody
TOLD_SECONDS = 15.0
DAEMON_SECONDS = 3
START_SECONDS = 60
CONTAINER_PROPERTIES: Mapping[str, str] = MappingProxyType(
    {
        "auto.create.topics.enable": "false",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "5",
    }
)


@dataclass(frozen=True, slots=True)
class RunningKafka:
    """A cluster that answers.

    Attributes:
        bootstrap_servers: its address.
        origin: `told`, `container`, `local` or `mock`.
        passed_over: why an origin that comes first was not taken.
    """

    bootstrap_servers: str
    origin: str
    passed_over: tuple[str, ...] = ()

    def __str__(self) -> str:
        reasons = "".join(f"; {reason}" for reason in self.passed_over)
        return f"{self.bootstrap_servers} ({self.origin}{reasons})"


@dataclass(frozen=True, slots=True)
class ProxiedKafka:
    """A broker whose clients all go through a proxy.

    Attributes:
        broker: may be killed and frozen too; its own `bootstrap_servers` lead past the proxy.
        proxy: healthy at first.
    """

    broker: KafkaBroker
    proxy: FaultProxy

    @property
    def bootstrap_servers(self) -> str:
        """Address of the proxy."""
        return self.proxy.address


@contextmanager
def running_kafka(told: str | None = None) -> Iterator[RunningKafka]:
    """A cluster for as long as the block lasts.

    Args:
        told: address of one that runs already; it is then that one or none.

    Raises:
        Unavailable: there is none to be had; says why for each kind.
    """
    if told:
        await_broker(told, timeout_seconds=TOLD_SECONDS)
        yield RunningKafka(told, "told")
        return
    with ExitStack() as stack:
        try:
            found = RunningKafka(stack.enter_context(container_kafka()), "container")
        except Unavailable as no_container:
            try:
                broker = stack.enter_context(KafkaBroker(properties=FAST_TIMEOUTS))
            except Unavailable as no_local:
                raise Unavailable(f"no container: {no_container}; no local broker: {no_local}") from no_local
            found = RunningKafka(broker.bootstrap_servers, "local", (str(no_container),))
        yield found


@contextmanager
def proxied_broker(properties: Mapping[str, str] = FAST_TIMEOUTS) -> Iterator[ProxiedKafka]:
    """A broker of one's own behind a fault proxy.

    Raises:
        Unavailable: it cannot be had.
    """
    (port,) = free_ports(1)
    with KafkaBroker(properties=properties, advertised_via=port) as broker:
        behind = broker.ports.behind_proxy
        assert behind is not None  # noqa: S101 - it was asked for above
        with FaultProxy(HOST, behind, port=port) as proxy:
            yield ProxiedKafka(broker, proxy)


@contextmanager
def container_kafka(image: str = IMAGE, properties: Mapping[str, str] = FAST_TIMEOUTS) -> Iterator[str]:
    """Address of a broker in a container.

    Raises:
        Unavailable: no container engine's daemon answers, or the image cannot be had or does not start.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries, about themselves
        container, reason = start_container(image, {**CONTAINER_PROPERTIES, **properties})
        if container is None:
            gc.collect()  # sockets that a failed client leaves open would warn in whatever test comes later
            raise Unavailable(reason)
    try:
        yield container.get_bootstrap_server()
    finally:
        container.stop()


def start_container(image: str, properties: Mapping[str, str]) -> tuple[KafkaContainer | None, str]:
    """A started container, or None and the reason."""
    try:
        from testcontainers.community.kafka import KafkaContainer
        from testcontainers.core.docker_client import DockerClient
    except ImportError as error:
        return None, f"{error.name} is not installed"
    try:
        DockerClient(timeout=DAEMON_SECONDS).client.ping()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason that people are told
        return None, f"no container engine's daemon answers ({type(error).__name__})"
    container = KafkaContainer(image).with_kraft()
    for name, value in properties.items():
        container.with_env(f"KAFKA_{name.upper().replace('.', '_')}", value)
    try:
        container.start(timeout=START_SECONDS)
    except Exception as error:  # noqa: BLE001 - the same
        container.stop()
        return None, f"{image} does not start ({type(error).__name__}: {error})"
    return container, ""
