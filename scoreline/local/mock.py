"""librdkafka's own mock cluster: brokers inside this process, without Java, for plumbing only."""

from types import TracebackType
from typing import Self

from confluent_kafka import Producer

PROVES_NOTHING_ABOUT = (
    "it proves nothing about guarantees: readers see aborted transactions, an old member is not fenced, nothing is on "
    "disk, it keeps 5 MB or 100,000 records a partition, and topics cannot be created, but appear when used, with "
    "4 partitions: the service needs SCORELINE_KAFKA_ALLOW_AUTO_CREATE_TOPICS=true"
)
"""What everybody who is given the mock cluster has to be told."""


class MockKafka:
    """A cluster that lives as long as this object.

    Args:
        brokers: how many.
    """

    def __init__(self, brokers: int = 1) -> None:
        # The client that owns the cluster never talks to the address that it is given.
        self._owner: Producer | None = Producer(
            {"bootstrap.servers": "mock:1", "test.mock.num.brokers": brokers, "log_level": 0}
        )
        found = self._owner.list_topics(timeout=10.0).brokers.values()
        self.bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in found)

    def close(self) -> None:
        """End the cluster."""
        self._owner = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
