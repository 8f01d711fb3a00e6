import pytest
from confluent_kafka.admin import AdminClient

pytestmark = pytest.mark.kafka


def test_topics_are_fresh_and_have_the_partitions_asked_for(kafka, make_topic):
    first, second = make_topic("features", partitions=3), make_topic("features")
    topics = AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(timeout=10).topics
    assert first != second
    assert len(topics[first].partitions) == 3
    assert len(topics[second].partitions) == 1
