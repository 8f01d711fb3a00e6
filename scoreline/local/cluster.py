"""Several Apache Kafka brokers in KRaft mode, each a child process of its own: one may fail while the others serve."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from scoreline.errors import Unavailable
from scoreline.local.broker import START_ATTEMPTS, KafkaBroker
from scoreline.local.jars import Announce, KafkaRuntime, find_runtime
from scoreline.local.network import free_ports
from scoreline.local.properties import HOST
from scoreline.local.readiness import await_broker

NODE_HEAP = "400m"
TOGETHER_SECONDS = 60.0


class KafkaCluster:
    """Nodes on loopback that are brokers and controllers at once; a majority of them serves.

    Every topic has as many replicas as there are nodes, and a record is acknowledged when all but one have it.

    Args:
        nodes: how many; three survive the loss of any one.
        properties: of every broker, winning over ours.
        heap: of each JVM, in its notation.
        runtime: Java and jars; None for those of this user's cache, downloaded the first time.
        announce: told in words what takes long.

    Attributes:
        nodes: the brokers, to be killed, frozen and started again one by one; replaced by `start`.
    """

    def __init__(
        self,
        nodes: int = 3,
        *,
        properties: Mapping[str, str] | None = None,
        heap: str = NODE_HEAP,
        runtime: KafkaRuntime | None = None,
        announce: Announce = lambda _: None,
    ) -> None:
        self._count = nodes
        self._properties = dict(properties or {})
        self._heap = heap
        self._runtime = runtime
        self._announce = announce
        self.nodes: tuple[KafkaBroker, ...] = ()

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of all nodes, for clients."""
        return ",".join(node.bootstrap_servers for node in self.nodes)

    def start(self) -> Self:
        """Start all nodes, and wait until each knows of all the others.

        Raises:
            Unavailable: no Java or jars, or a node died or took too long: its last words.
        """
        if self._runtime is None:
            self._runtime = find_runtime(announce=self._announce)
        for attempt in range(1, START_ATTEMPTS + 1):
            self.nodes = self._make_nodes()
            try:
                self._start_nodes()
            except Unavailable:
                lost_port = any(node.lost_port() for node in self.nodes)
                self.close()
                if attempt == START_ATTEMPTS or not lost_port:
                    raise
            else:
                break
        return self

    def close(self) -> None:
        """End all nodes at once; their folders are removed."""
        for node in self.nodes:
            node.close()

    def _make_nodes(self) -> tuple[KafkaBroker, ...]:
        ports = free_ports(2 * self._count)
        pairs = list(zip(ports[::2], ports[1::2], strict=True))
        voters = ",".join(f"{number}@{HOST}:{controller}" for number, (_, controller) in enumerate(pairs, 1))
        return tuple(
            KafkaBroker(
                port=client,
                controller_port=controller,
                properties={**cluster_properties(self._count, number, voters), **self._properties},
                heap=self._heap,
                runtime=self._runtime,
            )
            for number, (client, controller) in enumerate(pairs, 1)
        )

    def _start_nodes(self) -> None:
        # One alone has no majority and answers nobody, so none can be waited for before all are started.
        with ThreadPoolExecutor(self._count) as together:
            for starting in [together.submit(node.start) for node in self.nodes]:
                starting.result()
        for node in self.nodes:
            await_broker(node.bootstrap_servers, timeout_seconds=TOGETHER_SECONDS, at_least=self._count)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def cluster_properties(nodes: int, number: int, voters: str) -> dict[str, str]:
    """What a node is told beyond what a single broker is.

    Args:
        nodes: how many there are.
        number: of this one, from 1.
        voters: all controllers, in Kafka's notation.
    """
    in_sync = str(max(1, nodes - 1))
    return {
        "node.id": str(number),
        "controller.quorum.voters": voters,
        "default.replication.factor": str(nodes),
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": str(nodes),
        "transaction.state.log.replication.factor": str(nodes),
        "transaction.state.log.min.isr": in_sync,
        "auto.leader.rebalance.enable": "false",  # leaders move when somebody has them move, not every five minutes
    }
