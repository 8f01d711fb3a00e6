"""Commits with their notes, on a real broker: of a group that nobody joins."""

import secrets

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import Refused, Unavailable
from scoreline.kafka.ranges.noted_commits import open_noted_commits
from scoreline.kafka.ranges.offset_index import EARLIEST, LATEST, open_offset_index
from scoreline.records import TopicPartition
from scoreline.testing.consume import produce_records
from scoreline.testing.topics import Topics
from scoreline.transport.ranges import NotedOffset
from scoreline.transport.record import StoredRecord

pytestmark = pytest.mark.kafka


@pytest.fixture
def group():
    return f"group-{secrets.token_hex(4)}"


def test_they_are_read_as_they_were_written_on_a_cluster_that_has_seen_no_group_yet(disposable_kafka, group):
    topic = Topics(disposable_kafka.bootstrap_servers).make(partitions=2)
    first, second = TopicPartition(topic, 0), TopicPartition(topic, 1)
    properties = {"bootstrap.servers": disposable_kafka.bootstrap_servers}

    with open_noted_commits(properties, group_id=group) as commits:
        assert commits.find([first, second]) == {}
        commits.commit({first: 3, second: 0}, {first: "one", second: ""})
        commits.commit({first: 4}, {first: "öne"})
        assert commits.find([first, second]) == {first: NotedOffset(4, "öne"), second: NotedOffset(0, "")}


def test_properties_of_members_do_not_matter(kafka, make_topic, group):
    partition = TopicPartition(make_topic(), 0)
    properties = {"group.instance.id": "one", "group.protocol": "consumer", "client.id": "one"}

    with open_noted_commits({"bootstrap.servers": kafka.bootstrap_servers, **properties}, group_id=group) as commits:
        commits.commit({partition: 1}, {partition: "note"})
        assert commits.find([partition]) == {partition: NotedOffset(1, "note")}


def test_an_open_transaction_is_not_waited_for(kafka, make_topic, group):
    """Whoever was killed in one is known by what it had committed before."""
    topic = make_topic()
    partition, properties = TopicPartition(topic, 0), {"bootstrap.servers": kafka.bootstrap_servers}
    reader = Consumer({**properties, "group.id": group})
    producer = Producer({**properties, "transactional.id": group})
    producer.init_transactions(30)
    with open_noted_commits(properties, group_id=group) as commits:
        commits.commit({partition: 1}, {partition: "before"})
        producer.begin_transaction()
        offsets = [ClientPartition(topic, 0, 2, "under way")]
        producer.send_offsets_to_transaction(offsets, reader.consumer_group_metadata(), 30)
        assert commits.find([partition]) == {partition: NotedOffset(1, "before")}
    producer.abort_transaction(30)
    reader.close()


def test_a_group_that_someone_is_in_is_left_alone(kafka, make_topic, group):
    topic = make_topic()
    partition, properties = TopicPartition(topic, 0), {"bootstrap.servers": kafka.bootstrap_servers}
    member = Consumer({**properties, "group.id": group})
    member.subscribe([topic])
    while not member.assignment():
        member.poll(0.1)

    with (
        open_noted_commits(properties, group_id=group) as commits,
        pytest.raises(Refused, match=r"it has members, .* take another --id"),
    ):
        commits.commit({partition: 1}, {partition: "note"})
    member.close()


def test_the_index_knows_ends_and_moments(kafka, make_topic):
    partition = TopicPartition(make_topic(config={"retention.ms": "-1"}), 0)
    now = 1_700_000_000_000
    records = [StoredRecord(value_=b"v", timestamp_ms=now + n) for n in range(5)]
    produce_records(kafka.bootstrap_servers, partition.topic, records)
    index = open_offset_index({"bootstrap.servers": kafka.bootstrap_servers})

    found = [index.find_offsets([partition], at)[partition] for at in (EARLIEST, LATEST, now, now + 3, now + 9)]

    assert found == [0, 5, 0, 3, -1]
    with pytest.raises((Refused, Unavailable)):
        index.find_offsets([TopicPartition(partition.topic, 7)], EARLIEST)
