"""Fresh topics for a test, deleted when it is over."""

import secrets
import time
from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from scoreline.errors import Unavailable

ANSWER_SECONDS = 30.0
ASK_AGAIN_SECONDS = 0.02
AS_MANY_REPLICAS_AS_USUAL = -1


class Topics:
    """Makes topics with names of their own.

    Args:
        bootstrap_servers: address of the cluster.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        self._made: list[str] = []

    def make(
        self, label: str = "topic", *, partitions: int = 1, config: Mapping[str, str] | None = None, exact: bool = False
    ) -> str:
        """Create a topic with the cluster's default replication, and wait until clients can use it.

        Args:
            label: its name begins with this.
            partitions: at least 1.
            config: of the topic, in Kafka's names.
            exact: take the label as the whole name.

        Returns:
            Its name.

        Raises:
            KafkaException: it could not be created.
            Unavailable: it has no leaders in time.
        """
        name = label if exact else f"{label}-{secrets.token_hex(4)}"
        topic = NewTopic(name, partitions, AS_MANY_REPLICAS_AS_USUAL, config=dict(config or {}))
        self._admin.create_topics([topic], operation_timeout=ANSWER_SECONDS)[name].result(ANSWER_SECONDS)
        self._made.append(name)
        self._await_leaders(name, partitions)
        return name

    def share(self, name: str) -> str:
        """Have a topic that all tests may use, and none deletes; returns its name."""
        try:
            asked = self._admin.create_topics([NewTopic(name, 1)], operation_timeout=ANSWER_SECONDS)
            asked[name].result(ANSWER_SECONDS)
        except KafkaException as raised:
            if raised.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
        else:
            self._await_leaders(name, 1)
        return name

    def adopt(self, name: str) -> str:
        """Have a topic that somebody else makes deleted with the others; returns its name."""
        if name not in self._made:  # the client crashes where one is to be deleted twice at once
            self._made.append(name)
        return name

    def _await_leaders(self, name: str, partitions: int) -> None:
        """The controller has made the topic; brokers hear of it a little later."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            found = self._admin.list_topics(name, timeout=ANSWER_SECONDS).topics[name]
            if found.error is None and sum(p.leader >= 0 for p in found.partitions.values()) == partitions:
                return
            time.sleep(ASK_AGAIN_SECONDS)
        raise Unavailable(f"the topic {name} was made, but has no leaders within {ANSWER_SECONDS:.0f} s")

    def delete_all(self) -> None:
        """Delete what was made here; topics of a broker that is gone are gone with it."""
        if not self._made:
            return
        for deletion in self._admin.delete_topics(self._made, request_timeout=5.0).values():
            try:
                deletion.result(ANSWER_SECONDS)
            except KafkaException:
                continue  # a test that broke its broker, or deleted the topic itself
        self._made.clear()
