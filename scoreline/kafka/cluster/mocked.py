"""Looks at topics of librdkafka's mock cluster, which has no controller that could describe them."""

from collections.abc import Sequence

from confluent_kafka.admin import AdminClient

MOCK_CLUSTER_PREFIX = "mockCluster"
"""How such a cluster names itself; the identifier of a real one is 22 characters of base64."""


def count_mocked(client: AdminClient, names: Sequence[str], *, timeout_seconds: float) -> dict[str, int] | None:
    """Partitions of those topics that are there; None where the client does not talk to a mock cluster.

    What is asked for appears, if the client's properties allow it to create topics.

    Raises:
        KafkaException: the cluster does not answer.
    """
    counts: dict[str, int] = {}
    for name in names:
        # One at a time: an answer to a question without a topic would hold all of them.
        answer = client.list_topics(name, timeout=timeout_seconds)
        if not str(answer.cluster_id).startswith(MOCK_CLUSTER_PREFIX):
            return None
        topic = answer.topics[name]
        if topic.error is None:
            counts[name] = len(topic.partitions)
    return counts
