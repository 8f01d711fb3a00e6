"""Positions, lag and membership as an operator and other tools see them."""

import time
import urllib.request

import pytest
from confluent_kafka import Producer

from scoreline.testing.consume import await_committed, produce_records
from tests.integration.test_service import make_records
from tests.integration.test_situations import await_health, committed_of, group_of, ids_in

pytestmark = pytest.mark.kafka

DELIVERIES = pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])


def read_gauges(service, name):
    """A gauge of partitions, by topic and partition."""
    with urllib.request.urlopen(f"{service.url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith(f"scoreline_{name}{{")}


def await_gauges(service, name, condition, within_seconds=15.0):
    deadline = time.monotonic() + within_seconds
    while not condition(found := read_gauges(service, name)):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


@DELIVERIES
def test_on_a_transactional_input_an_idle_group_has_committed_the_end_and_has_no_lag(
    deploy, streamed_flights, delivery
):
    """Markers and aborted records take offsets that no reader is given."""
    deployment = deploy(partitions=2, DELIVERY=delivery)
    producer = Producer(
        {"bootstrap.servers": deployment.bootstrap_servers, "transactional.id": deployment.input_topic, "linger.ms": 5}
    )
    producer.init_transactions(30)
    payloads = [deployment.encoder.encode({**row, "id": str(n)}) for n, row in enumerate(streamed_flights.rows[:60])]
    deployment.service.start().await_ready()
    for start, ends in ((0, "commit"), (20, "abort"), (40, "commit")):
        producer.begin_transaction()
        for n in range(start, start + 20):
            producer.produce(deployment.input_topic, payloads[n], partition=n % 2)
        producer.flush(30)  # what was not sent yet is not there to be aborted
        producer.commit_transaction(30) if ends == "commit" else producer.abort_transaction(30)
    deadline = time.monotonic() + 15
    while committed_of(deployment, 2) != {0: 33, 1: 33}:  # 30 records and 3 markers in each
        assert time.monotonic() < deadline, committed_of(deployment, 2)
        time.sleep(0.1)
    assert sorted(ids_in(deployment, at_least=40)) == [*range(20), *range(40, 60)]
    for name in ("consumer_lag_records", "consumer_lag_seconds"):
        await_gauges(deployment.service, name, lambda found: len(found) == 4 and set(found.values()) == {0.0})
    assert deployment.service.terminate() == 0


def test_the_lag_grows_in_records_and_seconds_while_the_stream_has_stopped_itself(deploy, streamed_flights):
    """Paused partitions are asked for their ends."""
    deployment = deploy(DEAD_LETTER_MAX_RATIO="0.1")
    broken = make_records(deployment, streamed_flights.rows[:120])
    broken = [type(r)(r.topic_, r.partition_, 0, b"k", b"\x07") for r in broken]
    deployment.service.start().await_ready()
    good = make_records(deployment, streamed_flights.rows[:120])  # of fewer nothing could be said
    produce_records(deployment.bootstrap_servers, deployment.input_topic, good)
    await_committed(deployment.bootstrap_servers, group_of(deployment), deployment.input_topic)
    produce_records(deployment.bootstrap_servers, deployment.input_topic, broken)
    await_health(deployment.service, "would be dead letters")
    began = time.time()
    produce_records(
        deployment.bootstrap_servers, deployment.input_topic, make_records(deployment, streamed_flights.rows[:400])
    )

    def of_input(found):
        return [value for name, value in found.items() if f'topic="{deployment.input_topic}"' in name]

    await_gauges(deployment.service, "consumer_lag_records", lambda found: sum(of_input(found)) == 520)
    seconds = await_gauges(
        deployment.service, "consumer_lag_seconds", lambda found: len(of_input(found)) == 4 and min(of_input(found)) > 3
    )
    assert max(of_input(seconds)) < time.time() - began + 10
    assert deployment.service.terminate() == 0


def test_a_static_member_that_is_killed_and_back_in_time_costs_the_others_no_rebalance(deploy, streamed_flights):
    """And its partitions wait for it."""
    variables = {"STATIC_MEMBERSHIP": "true", "CONSUMER_SESSION_TIMEOUT_MS": "20000"}
    first = deploy(**variables, MEMBER_ID="one", name="first")
    second = deploy(**variables, MEMBER_ID="two", name="second", like=first)
    first.service.start().await_ready()
    second.service.start().await_ready()
    deadline = time.monotonic() + 20
    while not (before := second.service.logs("partitions_assigned")) or not first.service.logs("partitions_revoked"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    second.service.kill()
    second.service.start().await_ready()
    records = make_records(first, streamed_flights.rows[:200])
    produce_records(first.bootstrap_servers, first.input_topic, records)
    assert sorted(ids_in(first, at_least=200)) == list(range(200))
    after = second.service.logs("partitions_assigned")
    assert sorted(after[-1]["partitions"]) == sorted(before[-1]["partitions"])
    assert len(first.service.logs("partitions_revoked")) == 1
    assert first.service.terminate() == second.service.terminate() == 0
