"""A member that did not poll for too long, on the real broker: the group goes on without it, and it joins again."""

import secrets
import time

import pytest
from confluent_kafka.admin import AdminClient

from scoreline.kafka.member.source import open_source
from scoreline.testing.consume import produce_records
from scoreline.transport.record import StoredRecord
from tests.contracts.worlds import Recorder, poll_until

pytestmark = pytest.mark.kafka


def await_no_members(bootstrap_servers, group, within_seconds=30.0):
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    deadline = time.monotonic() + within_seconds
    while admin.describe_consumer_groups([group])[group].result(10).members:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_member_that_polls_too_late_loses_its_partitions_and_reads_again_from_the_commit(kafka, make_topic):
    topic, group, recorder = make_topic("late"), f"group-{secrets.token_hex(4)}", Recorder()
    produce_records(kafka.bootstrap_servers, topic, [StoredRecord(value_=b"%d" % n) for n in range(10)])
    properties = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "session.timeout.ms": "3000",
        "heartbeat.interval.ms": "500",
        "max.poll.interval.ms": "3000",
    }
    source = open_source(properties, [topic], group_id=group, observer=recorder)
    source.add_listener(recorder)
    first = poll_until(source, lambda taken: len(taken) == 10)
    await_no_members(kafka.bootstrap_servers, group)
    again = poll_until(source, lambda taken: len(taken) == 10)
    assert [r.value() for r in again] == [r.value() for r in first]
    assert "lost" in [event for event, _ in recorder.events]
    assert "_MAX_POLL_EXCEEDED" in [name for name, _ in recorder.errors]
    source.close()
