"""The brokers that a torture takes place on, and the way to them."""

import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import ElectionType, KafkaException
from confluent_kafka.admin import AdminClient

from scoreline.local.broker import KafkaBroker
from scoreline.local.readiness import await_broker
from scoreline.testing.proxy import FaultProxy
from tests.torture.schedule import Kind

LATENCY_SECONDS = 0.3
CUT_OFF = 0.5
BACK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Where it takes place.

    Attributes:
        nodes: the brokers.
        proxy: between the members and the broker, None without; the load and the reader go past it.
    """

    nodes: Sequence[KafkaBroker]
    proxy: FaultProxy | None = None

    @property
    def bootstrap_servers(self):
        """Addresses that lead to the brokers themselves."""
        return ",".join(node.bootstrap_servers for node in self.nodes)

    @property
    def members_servers(self):
        """Addresses for the members."""
        return self.bootstrap_servers if self.proxy is None else self.proxy.address

    @contextmanager
    def held(self):
        """What a client has begun, a transaction for one, stays half done for as long as the block.

        Without a proxy no broker answers; all that was sent is read afterwards. With one, some connections are cut off
        and some are not, and what was sent on the former is never read: whatever a client has put onto two connections
        without waiting in between may arrive the wrong way round, or half of it never.
        """
        if self.proxy is None:
            with self.frozen():
                yield
            return
        self.proxy.black_hole(share=CUT_OFF)
        try:
            yield
            self.proxy.reset()
        finally:
            self.proxy.heal()

    @contextmanager
    def frozen(self):
        """No broker answers for as long as the block."""
        for node in self.nodes:
            node.pause()
        try:
            yield
        finally:
            for node in self.nodes:
                node.resume()

    @contextmanager
    def without(self, number):
        """One broker was killed; after the block it is back, and all others know of it."""
        node = self.nodes[number]
        node.kill()
        try:
            yield
        finally:
            node.start()
        await_broker(self.bootstrap_servers, timeout_seconds=BACK_SECONDS, at_least=len(self.nodes))

    def move_leaders(self):
        """Partitions are led again by the broker that leads them usually, which was away; at least one moves."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers})
        deadline = time.monotonic() + BACK_SECONDS
        moved, behind = 0, 1
        while behind or not moved:
            assert time.monotonic() < deadline, f"{moved} leaders have moved, {behind} replicas are still behind"
            admin.poll(0.5)  # waits; there is nothing to be told
            try:
                errors = admin.elect_leaders(ElectionType.PREFERRED).result(BACK_SECONDS).values()
            except KafkaException:
                continue  # no controller answers yet
            moved += sum(error is None for error in errors)
            behind = sum(error is not None for error in errors)

    @contextmanager
    def broken(self, kind):
        """The network between members and brokers fails in this way for as long as the block."""
        match kind:
            case Kind.BLACK_HOLE:
                self.proxy.black_hole()
            case Kind.RESET:
                self.proxy.reset()
            case Kind.LATENCY:
                self.proxy.delay(LATENCY_SECONDS)
        try:
            yield
        finally:
            self.proxy.heal()
