"""What a broker with access control refuses, and that each refusal is told with the grant that is missing."""

import time

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from scoreline.errors import DeliveryError, Refused
from scoreline.kafka.admin import TopicDescription, open_admin
from scoreline.kafka.publisher import open_publisher
from scoreline.kafka.source import open_source
from scoreline.local.broker import KafkaBroker
from scoreline.local.properties import FAST_TIMEOUTS
from scoreline.records import Outputs
from scoreline.transport.record import StoredRecord
from tests.contracts.worlds import MANY_BYTES, Recorder

pytestmark = pytest.mark.kafka

ACCESS_CONTROL = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "true",
}
RULES = [
    (ResourceType.TOPIC, "unreadable", AclOperation.READ, AclPermissionType.DENY),
    (ResourceType.TOPIC, "unreadable", AclOperation.DESCRIBE, AclPermissionType.ALLOW),
    (ResourceType.TOPIC, "unwritable", AclOperation.WRITE, AclPermissionType.DENY),
    (ResourceType.TOPIC, "unwritable", AclOperation.READ, AclPermissionType.ALLOW),
    (ResourceType.TOPIC, "hidden", AclOperation.DESCRIBE, AclPermissionType.DENY),
    (ResourceType.GROUP, "forbidden", AclOperation.READ, AclPermissionType.DENY),
]


@pytest.fixture(scope="module")
def properties():
    """Of a client whose user is denied some things."""
    with KafkaBroker(properties={**FAST_TIMEOUTS, **ACCESS_CONTROL}) as broker:
        properties = {"bootstrap.servers": broker.bootstrap_servers}
        admin = open_admin(properties)
        admin.reach(30, lambda: False)
        names = ["open", "unreadable", "unwritable", "hidden"]
        admin.create_topics([TopicDescription(name, 1) for name in names])
        admin.check_topics(names)
        rules = [
            AclBinding(kind, name, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", operation, permission)
            for kind, name, operation, permission in RULES
        ]
        client = AdminClient(properties)
        for answer in client.create_acls(rules).values():
            answer.result()
        deadline = time.monotonic() + 10
        while "READ" in admin.describe_topics(["unreadable"])["unreadable"].allowed_operations:
            assert time.monotonic() < deadline
        yield properties


def test_topics_that_may_not_be_read_or_written_are_all_named_before_anything_starts(properties):
    admin = open_admin(properties)
    with pytest.raises(Refused, match=r"READ the topic unreadable.*WRITE the topic unwritable"):
        admin.check_topics(
            ["open", "unreadable", "unwritable"], read=["open", "unreadable"], written=["open", "unwritable"]
        )


def test_a_topic_that_may_not_even_be_seen_is_refused_and_not_taken_for_missing(properties):
    with pytest.raises(Refused, match="TOPIC_AUTHORIZATION_FAILED"):
        open_admin(properties).check_topics(["hidden"])


@pytest.mark.parametrize("group_protocol", ["classic", "consumer"])
@pytest.mark.parametrize(("topic", "group", "named"), [("open", "forbidden", "group"), ("unreadable", "g", "topic")])
def test_a_source_that_may_not_read_ends_at_its_start_with_the_grant(properties, group_protocol, topic, group, named):
    source = open_source(
        {**properties, "group.protocol": group_protocol},
        [topic],
        group_id=f"{group}-{group_protocol}" if topic == "unreadable" else group,
        observer=Recorder(),
    )
    began = time.monotonic()

    def poll_on():
        while time.monotonic() < began + 10:
            source.poll(10, MANY_BYTES, 0.1)

    with pytest.raises(Refused, match=f"grant.*{named}"):
        poll_on()
    source.close()


def test_an_output_that_may_not_be_written_is_told_with_the_grant(properties):
    publisher = open_publisher(
        properties,
        output_topic="unwritable",
        dead_letter_topic="open",
        partition_counts={"unwritable": 1, "open": 1},
        output_headers=False,
        observer=Recorder(),
    )
    publisher.publish(Outputs([StoredRecord()], [b"v"], "m", 1), [], lambda: True)
    with pytest.raises(DeliveryError, match=r"TOPIC_AUTHORIZATION_FAILED.*grant"):
        publisher.flush(10)
    publisher.close()
