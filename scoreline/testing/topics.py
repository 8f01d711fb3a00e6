"""Fresh topics for a test, deleted when it is over."""

import secrets
from collections.abc import Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

ANSWER_SECONDS = 30.0


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
        """Create a topic and wait until clients can use it.

        Args:
            label: its name begins with this.
            partitions: at least 1.
            config: of the topic, in Kafka's names.
            exact: take the label as the whole name.

        Returns:
            Its name.
        """
        name = label if exact else f"{label}-{secrets.token_hex(4)}"
        topic = NewTopic(name, partitions, 1, config=dict(config or {}))
        self._admin.create_topics([topic], operation_timeout=ANSWER_SECONDS)[name].result(ANSWER_SECONDS)
        self._made.append(name)
        return name

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
