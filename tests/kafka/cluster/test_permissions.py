"""What a broker with access control refuses, and that each refusal is told with the grant that is missing."""

import time

import pytest

from scoreline.errors import DeliveryError, FatalClientError, Refused
from scoreline.kafka.cluster.admin import open_admin
from scoreline.kafka.member.source import open_source
from scoreline.kafka.publishing.destinations import Destinations
from scoreline.kafka.publishing.publisher import open_publisher
from scoreline.records import Outputs
from scoreline.testing.secured import Grant
from scoreline.testing.topics import Topics
from scoreline.transport.record import StoredRecord
from tests.contracts.worlds import MANY_BYTES, Recorder

pytestmark = pytest.mark.kafka

USER = "limited"
GRANTS = [
    *(Grant("topic", "open", operation) for operation in ("READ", "WRITE")),
    Grant("topic", "unreadable", "WRITE"),
    Grant("topic", "unwritable", "READ"),
    *(Grant("group", name, "READ") for name in ("g-*", "later")),
    Grant("group", "visible", "DESCRIBE"),
]


@pytest.fixture(scope="module")
def properties(secured_kafka):
    """Of a client whose user may do some things."""
    topics = Topics(secured_kafka.broker.bootstrap_servers)
    for name in ("open", "unreadable", "unwritable", "hidden"):
        topics.make(name, exact=True)
    secured_kafka.grant(USER, GRANTS)
    yield secured_kafka.bearer(USER)
    topics.delete_all()


@pytest.fixture(scope="module")
def admin(properties):
    admin = open_admin(properties)
    admin.reach(30, lambda: False)
    return admin


def test_topics_that_may_not_be_read_or_written_are_all_named_before_anything_starts(admin):
    with pytest.raises(Refused, match=r"READ the topic unreadable.*WRITE the topic unwritable"):
        admin.check_topics(
            ["open", "unreadable", "unwritable"], read=["open", "unreadable"], written=["open", "unwritable"]
        )


def test_a_topic_that_may_not_even_be_seen_is_refused_and_not_taken_for_missing(admin):
    with pytest.raises(Refused, match=r"DESCRIBE the topic hidden, or it does not exist.*TOPIC_AUTHORIZATION_FAILED"):
        admin.check_topics(["hidden"])
    with pytest.raises(Refused, match="READ the topic hidden"):
        admin.check_topics(["hidden"], read=["hidden"])


@pytest.mark.parametrize(("group", "allowed"), [("g-1", True), ("visible", False), ("hidden", False)])
def test_a_group_that_may_not_be_read_is_found_without_joining_it(admin, group, allowed):
    assert admin.find_forbidden_group(group) == (
        None if allowed else f"this user may not READ the consumer group {group}; grant it"
    )


def test_everything_that_is_not_permitted_is_told_at_once(admin):
    told = admin.find_refusal(read=["unreadable"], written=["open"], group_id="hidden")
    assert told == (
        "this user may not READ the topic unreadable; grant it; "
        "this user may not READ the consumer group hidden; grant it"
    )
    assert admin.find_refusal(read=["unwritable"], written=["unreadable"], group_id="g-1") is None


@pytest.mark.parametrize("group_protocol", ["classic", "consumer"])
@pytest.mark.parametrize(("topic", "group", "named"), [("open", "hidden", "group"), ("unreadable", "g", "topic")])
def test_a_source_that_may_not_read_ends_at_its_start_with_the_grant(properties, group_protocol, topic, group, named):
    source = open_source(
        {**properties, "group.protocol": group_protocol},
        [topic],
        group_id=f"{group}-{group_protocol}",
        observer=Recorder(),
    )
    began = time.monotonic()

    def poll_on():
        while time.monotonic() < began + 10:
            source.poll(10, MANY_BYTES, 0.1)

    with pytest.raises(Refused, match=f"grant.*{named}"):
        poll_on()
    source.close()


def test_a_group_of_the_new_protocol_that_is_withdrawn_ends_the_source(properties, secured_kafka):
    """The client takes it for fatal, and would read nothing for ever without another word."""
    source = open_source(
        {**properties, "group.protocol": "consumer"}, ["open"], group_id="later", observer=(recorder := Recorder())
    )
    deadline = time.monotonic() + 30
    source.add_listener(recorder)
    while not (recorder.events and source.lags()):  # it has joined, and has looked for records
        source.poll(10, MANY_BYTES, 0.1)
        assert time.monotonic() < deadline
    secured_kafka.withdraw(USER, [Grant("group", "later", "READ")])

    def poll_on():
        while time.monotonic() < deadline:
            source.poll(10, MANY_BYTES, 0.1)

    with pytest.raises(FatalClientError, match="Group authorization failed"):
        poll_on()
    source.close()


def test_an_output_that_may_not_be_written_is_told_with_the_grant(properties):
    publisher = open_publisher(
        properties,
        Destinations("unwritable", "open", {"unwritable": 1, "open": 1}, output_headers=False),
        observer=Recorder(),
    )
    publisher.publish(Outputs([StoredRecord()], [b"v"], "m", 1), [], lambda: True)
    with pytest.raises(DeliveryError, match=r"TOPIC_AUTHORIZATION_FAILED.*grant"):
        publisher.flush(10)
    publisher.close()
