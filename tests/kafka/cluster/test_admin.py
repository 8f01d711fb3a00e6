"""What is asked of a cluster, and how its refusals are told."""

import socket
import time

import pytest

from scoreline.errors import Refused, Unavailable
from scoreline.kafka.cluster.admin import TopicDescription, open_admin


def test_a_cluster_that_does_not_answer_is_unavailable_with_the_reason():
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{placeholder.getsockname()[1]}"
        admin = open_admin({"bootstrap.servers": address})
        with pytest.raises(Unavailable, match=r"not reached within 0.1 s.*refused"):
            admin.reach(0.1, lambda: False)


def test_a_stop_ends_the_wait_for_a_cluster():
    admin = open_admin({"bootstrap.servers": "127.0.0.1:1"})
    answers = iter([False, True])
    admin.reach(60, lambda: next(answers))


@pytest.fixture
def admin(kafka):
    admin = open_admin({"bootstrap.servers": kafka.bootstrap_servers})
    admin.reach(30, lambda: False)
    return admin


@pytest.mark.kafka
def test_topics_are_described_as_they_are(admin, make_topic):
    name = make_topic("described", partitions=3, config={"max.message.bytes": "12345"})
    admin.check_topics([name])
    found = admin.describe_topics([name, "no-such-topic"])
    assert set(found) == {name}
    assert (found[name].partitions, found[name].replication_factor) == (3, 1)
    assert found[name].configs["max.message.bytes"] == "12345"


@pytest.mark.kafka
def test_missing_topics_are_all_named_with_what_to_do(admin, make_topic):
    there = make_topic()
    with pytest.raises(Refused, match=r"topics nowhere and void do not exist: .*scoreline topics create`$"):
        admin.check_topics([there, "void", "nowhere"])
    assert set(admin.check_topics([there], read=[there], written=[there])) == {there}


@pytest.mark.kafka
def test_only_what_is_missing_is_created(admin, make_topic):
    there = make_topic(partitions=1)
    new = TopicDescription(f"{there}-new", 2, 1, {"cleanup.policy": "compact"})
    assert admin.create_topics([TopicDescription(there, 5), new]) == [new.name]
    assert admin.create_topics([new]) == []
    found = admin.check_topics([there, new.name])
    assert (found[there].partitions, found[new.name].partitions) == (1, 2)
    assert found[new.name].configs["cleanup.policy"] == "compact"


@pytest.mark.kafka
def test_a_topic_that_the_broker_will_not_create_is_a_refusal(admin, make_topic):
    with pytest.raises(Refused, match=r"bad/name"):
        admin.create_topics([TopicDescription("bad/name", 1)])
    with pytest.raises(Refused, match="replication"):
        admin.create_topics([TopicDescription(f"{make_topic()}-wide", 1, 99)])


@pytest.mark.kafka
def test_a_user_where_the_broker_asks_for_none_is_refused_within_ten_seconds(kafka):
    admin = open_admin(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": "somebody",
            "sasl.password": "secret",
        }
    )
    began = time.monotonic()
    with pytest.raises(Refused, match=r"asks for no user \(SASL\): set SCORELINE_KAFKA_SECURITY_PROTOCOL to PLAINTEXT"):
        admin.reach(60, lambda: False)
    assert time.monotonic() - began < 10


@pytest.mark.kafka
def test_tls_where_the_broker_speaks_none_is_refused_within_ten_seconds(kafka):
    admin = open_admin({"bootstrap.servers": kafka.bootstrap_servers, "security.protocol": "SSL"})
    began = time.monotonic()
    with pytest.raises(Refused, match="speaks no TLS: set SCORELINE_KAFKA_SECURITY_PROTOCOL"):
        admin.reach(60, lambda: False)
    assert time.monotonic() - began < 10


@pytest.mark.kafka
def test_a_topic_that_has_gone_is_trouble_and_one_that_is_there_is_none(admin, make_topic):
    assert admin.find_trouble(make_topic("there"), 10.0) is None
    assert "no-such-topic" in admin.find_trouble("no-such-topic", 10.0)


def test_asking_for_a_topic_does_not_create_it(mock_kafka):
    """Also where the cluster creates topics that clients ask for: the mock one does."""
    admin = open_admin({"bootstrap.servers": mock_kafka.bootstrap_servers})
    for _ in range(2):
        assert "UNKNOWN_TOPIC" in admin.find_trouble("deleted", 10.0)


def test_topics_of_a_mock_cluster_appear_with_their_partitions_where_that_is_allowed(mock_kafka):
    """It has no controller to ask, so nothing is known of permissions, and nothing is refused for them."""
    admin = open_admin({"bootstrap.servers": mock_kafka.bootstrap_servers, "allow.auto.create.topics": "true"})
    found = admin.check_topics(["in", "out"], read=["in"], written=["out"])
    assert found == {name: TopicDescription(name, 4) for name in ("in", "out")}


def test_where_a_cluster_does_not_tell_of_permissions_no_group_is_taken_for_forbidden(mock_kafka):
    admin = open_admin({"bootstrap.servers": mock_kafka.bootstrap_servers})
    assert admin.find_forbidden_group("any") is None


def test_a_topic_that_a_mock_cluster_may_not_make_is_missing(mock_kafka, monkeypatch):
    monkeypatch.setattr("scoreline.kafka.cluster.admin.SETTLE_SECONDS", 0.0)
    with pytest.raises(Refused, match="the topic in does not exist"):
        open_admin({"bootstrap.servers": mock_kafka.bootstrap_servers}).check_topics(["in"])


def test_what_nobody_answers_is_unavailable_and_not_a_crash(mock_kafka, monkeypatch):
    """A mock cluster has no controller that could create a topic."""
    monkeypatch.setattr("scoreline.kafka.cluster.admin.ANSWER_SECONDS", 0.05)
    with pytest.raises(Unavailable, match="could not create the topic in: no answer in time"):
        open_admin({"bootstrap.servers": mock_kafka.bootstrap_servers}).create_topics([TopicDescription("in", 1)])


def test_a_cluster_that_does_not_answer_is_trouble_with_a_reason():
    admin = open_admin({"bootstrap.servers": "127.0.0.1:1"})
    assert admin.find_trouble("any", 0.2)
