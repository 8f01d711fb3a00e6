"""Looking at a topic outside any group."""

import pytest

from scoreline.errors import Refused, Unavailable
from scoreline.kafka.commands.reader import open_reader
from scoreline.records import UNREADABLE_HEADERS
from scoreline.testing.consume import produce_records
from scoreline.transport.record import StoredRecord
from tests.integration.raw_producer import produce_raw_header


def read_until(reader, count):
    found = []
    for _ in range(200):
        found += reader.read(count, 0.05)
        if len(found) >= count:
            break
    return found


def records(*values, partition=0):
    return [StoredRecord(value_=value, partition_=partition) for value in values]


@pytest.mark.kafka
def test_from_the_beginning_everything_is_read(kafka, make_topic):
    topic = make_topic("looked-at", partitions=2)
    produce_records(kafka.bootstrap_servers, topic, [*records(b"1", b"2"), *records(b"3", partition=1)])

    reader = open_reader({"bootstrap.servers": kafka.bootstrap_servers}, topic, from_beginning=True)
    try:
        assert sorted(r.value() for r in read_until(reader, 3)) == [b"1", b"2", b"3"]
    finally:
        reader.close()


@pytest.mark.kafka
def test_from_the_end_only_what_comes_after_the_reader_was_made_is_read(kafka, make_topic):
    """Also what came before the first read: nothing falls into the gap."""
    topic = make_topic("looked-at", partitions=2)
    produce_records(kafka.bootstrap_servers, topic, records(b"before"))

    reader = open_reader({"bootstrap.servers": kafka.bootstrap_servers}, topic, from_beginning=False)
    try:
        produce_records(kafka.bootstrap_servers, topic, records(b"after", partition=1))
        assert [r.value() for r in read_until(reader, 1)] == [b"after"]
    finally:
        reader.close()


@pytest.mark.kafka
def test_no_group_comes_to_be(kafka, make_topic):
    from confluent_kafka.admin import AdminClient

    topic = make_topic("looked-at")
    produce_records(kafka.bootstrap_servers, topic, records(b"1"))
    reader = open_reader({"bootstrap.servers": kafka.bootstrap_servers}, topic, from_beginning=True)
    # Held until it has answered: a client that nobody holds ends at once, and its answer never comes.
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    try:
        assert read_until(reader, 1)
        groups = admin.list_consumer_groups().result(10)
    finally:
        reader.close()

    assert "scoreline-looking" not in {group.group_id for group in groups.valid}


@pytest.mark.kafka
def test_a_missing_topic_is_refused(kafka):
    with pytest.raises(Refused, match="no-such-topic"):
        open_reader({"bootstrap.servers": kafka.bootstrap_servers}, "no-such-topic", from_beginning=True)


@pytest.mark.slow
def test_nobody_there_is_unavailable(monkeypatch):
    monkeypatch.setattr("scoreline.kafka.commands.reader.ANSWER_SECONDS", 0.3)

    with pytest.raises(Unavailable, match="could not read the topic x"):
        open_reader({"bootstrap.servers": "127.0.0.1:1"}, "x", from_beginning=True)


@pytest.mark.slow
def test_headers_whose_names_are_no_text_are_stood_in_for_and_their_neighbours_are_left_alone(mock_kafka):
    servers, topic = mock_kafka.bootstrap_servers, "raw"
    named = StoredRecord(value_=b"1", headers_=[("trace", b"x")])
    produce_records(servers, topic, [named])
    produce_raw_header(servers, topic, b"first", b"2", b"\xff\xfe")
    produce_raw_header(servers, topic, b"second", b"3", b"\xff")
    produce_records(servers, topic, [named])
    produce_raw_header(servers, topic, b"last", b"4", b"\xc3")

    reader = open_reader({"bootstrap.servers": servers}, topic, from_beginning=True)
    try:
        found = read_until(reader, 5)
    finally:
        reader.close()
    trace, unreadable = [("trace", b"x")], [(UNREADABLE_HEADERS, b"")]
    assert [r.headers() for r in found] == [trace, unreadable, unreadable, trace, unreadable]
    assert [(r.key(), r.value()) for r in found[1:3]] == [(b"first", b"2"), (b"second", b"3")]
