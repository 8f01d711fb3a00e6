"""Offsets of a group, seen and moved from outside."""

import secrets

import pytest
from confluent_kafka import Consumer

from scoreline.errors import Refused, Unavailable
from scoreline.kafka.cluster.groups import GroupDescription, PartitionOffsets, open_group_admin
from scoreline.records import TopicPartition
from scoreline.testing.consume import produce_records
from scoreline.transport.record import StoredRecord


@pytest.fixture
def groups(kafka):
    return open_group_admin({"bootstrap.servers": kafka.bootstrap_servers})


@pytest.fixture
def group_id():
    return f"group-{secrets.token_hex(4)}"


@pytest.fixture
def topic(kafka, make_topic):
    """Two partitions; in the first are records of the moments 1000, 2000 and 3000."""
    name = make_topic("offsets", partitions=2, config={"retention.ms": "-1"})
    for moment in (1000, 2000, 3000):
        produce_records(kafka.bootstrap_servers, name, [StoredRecord(value_=b"x", timestamp_ms=moment)])
    return name


def partitions(topic):
    return [TopicPartition(topic, 0), TopicPartition(topic, 1)]


@pytest.mark.kafka
def test_a_group_that_never_was_has_neither_members_nor_offsets_and_may_be_given_some(groups, topic, group_id):
    full, empty = partitions(topic)

    assert groups.describe(group_id) == GroupDescription(group_id, "dead", ())
    assert groups.find_offsets(group_id, [full, empty]) == [
        PartitionOffsets(full, None, 0, 3),
        PartitionOffsets(empty, None, 0, 0),
    ]
    groups.move(group_id, {full: 2})
    assert groups.find_offsets(group_id, [full, empty])[0].committed == 2
    assert groups.describe(group_id).state == "empty"


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("moment", "offset"), [(0, 0), (1000, 0), (1001, 1), (3000, 2), (3001, 3), (99_999_999_999_999, 3)]
)
def test_a_moment_is_the_first_offset_of_at_least_that_time_and_the_end_behind_everything(
    groups, topic, moment, offset
):
    full, empty = partitions(topic)

    assert groups.find_moment([full, empty], moment) == {full: offset, empty: 0}


@pytest.mark.kafka
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_offsets_stay_while_somebody_is_in_the_group(kafka, groups, topic, group_id, protocol):
    full, empty = partitions(topic)
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": group_id,
            "client.id": "pod-7",
            "group.protocol": protocol,
            "enable.auto.commit": False,
        }
    )
    try:
        consumer.subscribe([topic])
        while not consumer.assignment():
            consumer.poll(0.1)
        (member,) = groups.describe(group_id).members
        assert (member.client_id, member.partitions) == ("pod-7", (full, empty))
        with pytest.raises(Refused, match="it has members; stop every `scoreline run`"):
            groups.move(group_id, {full: 1})
    finally:
        consumer.close()
    groups.move(group_id, {full: 1})
    assert groups.find_offsets(group_id, [full])[0].committed == 1


@pytest.mark.parametrize(
    ("committed", "exists", "lag"),
    [(None, None, 10), (5, True, 10), (9, True, 6), (15, True, 0), (4, False, 10), (16, False, 0)],
)
def test_an_offset_that_is_gone_is_told_from_one_that_is_there(committed, exists, lag):
    found = PartitionOffsets(TopicPartition("t", 0), committed, low=5, end=15)

    assert (found.exists, found.lag) == (exists, lag)


@pytest.mark.slow
def test_nobody_there_is_unavailable(monkeypatch):
    monkeypatch.setattr("scoreline.kafka.cluster.groups.ANSWER_SECONDS", 0.3)
    groups = open_group_admin({"bootstrap.servers": "127.0.0.1:1"})

    with pytest.raises(Unavailable, match="could not look at the group g"):
        groups.describe("g")
