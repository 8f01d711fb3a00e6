"""Exactly once on the real broker: nothing lost, nothing doubled, whatever ends a member."""

import time
from collections import Counter

import pytest

from scoreline.testing.consume import await_committed, produce_records, read_records
from scoreline.transport.record import StoredRecord
from tests.integration.predictions import decode_prediction
from tests.integration.test_service import make_records

pytestmark = pytest.mark.kafka

TRANSACTIONAL = {"DELIVERY": "exactly-once", "MEMBER_ID": "one", "BATCH_MAX_RECORDS": "200"}


def ids_of(outputs):
    return Counter(int(decode_prediction(record)["id"]) for record in outputs)


def await_all(deployment):
    await_committed(deployment.bootstrap_servers, f"group-{deployment.input_topic}", deployment.input_topic)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_every_record_comes_out_once_with_its_bits_and_in_order(deploy, streamed_flights, protocol):
    """The same promise as at least once, and one more."""
    rows = streamed_flights.rows[:6000]
    variables = {} if protocol == "classic" else {"CONSUMER_GROUP_PROTOCOL": "consumer"}
    deployment = deploy(**TRANSACTIONAL, **variables)
    broken = [StoredRecord("", n, 0, b"broken", b"\x00broken") for n in range(4)]
    records = make_records(deployment, rows)
    produce_records(deployment.bootstrap_servers, deployment.input_topic, [*records[:3000], *broken, *records[3000:]])
    deployment.service.start().await_ready()
    await_all(deployment)
    outputs = read_records(deployment.bootstrap_servers, deployment.output_topic)
    letters = read_records(deployment.bootstrap_servers, deployment.dead_letter_topic)
    assert [letter.value() for letter in letters] == [b"\x00broken"] * 4
    assert ids_of(outputs) == Counter(range(len(rows)))
    for partition in range(4):
        found = [decode_prediction(r) for r in outputs if r.partition() == partition]
        assert [p["source_offset"] for p in found] == sorted(p["source_offset"] for p in found)
        assert all(p["prediction"] == streamed_flights.expected[int(p["id"])] for p in found)
    assert deployment.service.terminate() == 0


def test_killed_in_the_middle_it_goes_on_without_a_gap_or_a_repeat(deploy, streamed_flights):
    """With the same member id the next start ends its predecessor's open transaction at once."""
    rows = streamed_flights.rows[:20_000]
    deployment = deploy(**TRANSACTIONAL, CONSUMER_SESSION_TIMEOUT_MS="3000", CONSUMER_HEARTBEAT_INTERVAL_MS="500")
    produce_records(deployment.bootstrap_servers, deployment.input_topic, make_records(deployment, rows))
    for _ in range(2):
        deployment.service.start()
        before = deployment.service.logs("transactions_started")
        while len(deployment.service.logs("transactions_started")) == len(before):
            assert deployment.service.running
            time.sleep(0.02)
        deployment.service.await_ready()
        deployment.service.kill()
    deployment.service.start().await_ready()
    await_all(deployment)
    outputs = read_records(deployment.bootstrap_servers, deployment.output_topic)
    assert ids_of(outputs) == Counter(range(len(rows)))


def test_of_two_live_members_with_one_name_the_older_ends_and_says_which_variable(deploy, streamed_flights):
    """The group goes on with the other."""
    first = deploy(**TRANSACTIONAL, name="first")
    first.service.start().await_ready()
    second = deploy(**TRANSACTIONAL, name="second", like=first)
    second.service.start().await_ready()
    rows = streamed_flights.rows[:2000]
    produce_records(first.bootstrap_servers, first.input_topic, make_records(first, rows))
    assert first.service.process.wait(30) == 1
    assert "SCORELINE_MEMBER_ID" in first.service.last_words()
    await_all(first)
    outputs = read_records(first.bootstrap_servers, first.output_topic)
    assert ids_of(outputs) == Counter(range(len(rows)))
    assert second.service.terminate() == 0
