"""What happens to topics and offsets while the service is up or away, each with what the service does about it."""

import secrets
import time
import urllib.error
import urllib.request

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from scoreline.dead_letters import REASON_HEADER, SOURCE_OFFSET_HEADER
from scoreline.records import find_header
from scoreline.testing.consume import await_committed, produce_records, read_records
from scoreline.transport.record import StoredRecord
from tests.integration.predictions import decode_prediction
from tests.integration.test_service import make_records

pytestmark = pytest.mark.kafka

DELIVERIES = pytest.mark.parametrize("delivery", ["at-least-once", "exactly-once"])
ANSWER_SECONDS = 30.0


def await_health(service, words, within_seconds=30.0):
    """Ask for readiness until it says these words of why it is not ready; returns all that it said then."""
    deadline = time.monotonic() + within_seconds
    said = ""
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{service.url}/health/ready", timeout=5).close()
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode()
            if words in said:
                return said
        except urllib.error.URLError as error:
            said = str(error)
        time.sleep(0.05)
    pytest.fail(f"never said {words!r}, but last: {said}")


def group_of(deployment):
    return f"group-{deployment.input_topic}"


def ask(deployment, question):
    """What an admin client answers; it has to live until it has."""
    admin = AdminClient({"bootstrap.servers": deployment.bootstrap_servers})
    ((_, answer),) = question(admin).items()
    return answer.result(ANSWER_SECONDS)


def committed_of(deployment, partitions=4):
    """What the group has committed, by partition."""
    asked = [ClientPartition(deployment.input_topic, n) for n in range(partitions)]
    request = ConsumerGroupTopicPartitions(group_of(deployment), asked)
    found = ask(deployment, lambda admin: admin.list_consumer_group_offsets([request]))
    return {p.partition: p.offset for p in found.topic_partitions}


def ids_in(deployment, **options):
    outputs = read_records(deployment.bootstrap_servers, deployment.output_topic, **options)
    return [int(decode_prediction(r)["id"]) for r in outputs]


@DELIVERIES
def test_an_output_that_its_topic_does_not_take_is_a_dead_letter_and_its_neighbours_come_out(
    deploy, make_topic, streamed_flights, delivery
):
    """The broker refuses whole requests, and does not say for which record."""
    output = make_topic("small", partitions=4, config={"max.message.bytes": "4000"})
    deployment = deploy(DELIVERY=delivery, OUTPUT_TOPIC=output)
    records = make_records(deployment, streamed_flights.rows[:300])
    key = secrets.token_bytes(5000)  # nothing that compression makes small
    records[50:50] = [StoredRecord("", 2, 0, key, records[0].value())]
    produce_records(deployment.bootstrap_servers, deployment.input_topic, records)
    deployment.service.start().await_ready()
    await_committed(deployment.bootstrap_servers, group_of(deployment), deployment.input_topic)
    outputs = read_records(deployment.bootstrap_servers, output)
    found = [int(decode_prediction(r)["id"]) for r in outputs]
    assert set(found) == set(range(300))
    if delivery == "exactly-once":
        assert len(found) == 300
    (letter,) = read_records(deployment.bootstrap_servers, deployment.dead_letter_topic)
    assert (letter.key(), letter.partition()) == (key, 2)
    assert find_header(letter, REASON_HEADER) == b"too_large"
    assert int(find_header(letter, SOURCE_OFFSET_HEADER)) == 12
    assert deployment.service.terminate() == 0


def test_a_committed_offset_that_retention_has_overtaken_stands_alone_and_says_what_to_do(deploy, streamed_flights):
    """Skipping what is gone, or reading everything again, is for an operator to decide."""
    deployment = deploy()
    rows = streamed_flights.rows[:800]
    records = make_records(deployment, rows)
    produce_records(deployment.bootstrap_servers, deployment.input_topic, records[:400])
    deployment.service.start().await_ready()
    await_committed(deployment.bootstrap_servers, group_of(deployment), deployment.input_topic)
    assert deployment.service.terminate() == 0
    produce_records(deployment.bootstrap_servers, deployment.input_topic, records[400:])
    overtaken = ClientPartition(deployment.input_topic, 1, 150)
    ask(deployment, lambda admin: admin.delete_records([overtaken]))
    deployment.service.start()
    said = await_health(deployment.service, "scoreline offsets reset")
    assert f"{deployment.input_topic}[1]: the group {group_of(deployment)} has committed 100" in said
    assert "only offsets 150 to 200 are there" in said
    assert sorted(ids_in(deployment, at_least=700)) == sorted(n for n in range(800) if n % 4 != 1 or n < 400)
    assert committed_of(deployment)[1] == 100, "nothing is decided for the operator"
    assert deployment.service.ask("/health/live") == 200
    assert deployment.service.terminate() == 0
    (logged,) = deployment.service.logs("partition_stranded")
    assert logged["partition"] == f"{deployment.input_topic}[1]"


@DELIVERIES
def test_where_a_new_group_begins_is_committed_before_anything_comes(deploy, streamed_flights, delivery):
    """So it begins there only once, however often it starts before the first record."""
    deployment = deploy(DELIVERY=delivery, CONSUMER_AUTO_OFFSET_RESET="latest")
    records = make_records(deployment, streamed_flights.rows[:80])
    produce_records(deployment.bootstrap_servers, deployment.input_topic, records[:40])
    deployment.service.start().await_ready()
    deadline = time.monotonic() + 10
    while committed_of(deployment) != dict.fromkeys(range(4), 10):
        assert time.monotonic() < deadline, committed_of(deployment)
        time.sleep(0.05)
    deployment.service.kill()
    produce_records(deployment.bootstrap_servers, deployment.input_topic, records[40:])
    deployment.service.start().await_ready()
    assert sorted(ids_in(deployment, at_least=40)) == list(range(40, 80))
    assert deployment.service.terminate() == 0


def test_a_partition_that_is_added_is_read_from_its_start_even_where_a_new_group_begins_at_the_end(
    deploy, streamed_flights
):
    """What it got before any member looked would be skipped otherwise."""
    deployment = deploy(
        partitions=2, CONSUMER_AUTO_OFFSET_RESET="latest", CONSUMER_TOPIC_METADATA_REFRESH_INTERVAL_MS="3000"
    )
    encode = deployment.encoder.encode
    rows = streamed_flights.rows[:30]
    deployment.service.start().await_ready()
    first = [StoredRecord("", 0, 0, None, encode({**row, "id": str(n)})) for n, row in enumerate(rows[:10])]
    produce_records(deployment.bootstrap_servers, deployment.input_topic, first)
    assert sorted(ids_in(deployment, at_least=10)) == list(range(10))
    ask(deployment, lambda admin: admin.create_partitions([NewPartitions(deployment.input_topic, 3)]))
    added = [StoredRecord("", 2, 0, None, encode({**row, "id": str(n)})) for n, row in enumerate(rows[10:], 10)]
    produce_records(deployment.bootstrap_servers, deployment.input_topic, added)
    assert sorted(ids_in(deployment, at_least=30)) == list(range(30))
    assert deployment.service.terminate() == 0


@DELIVERIES
def test_an_output_topic_that_is_deleted_makes_records_wait_until_it_is_there_again(
    deploy, make_topic, streamed_flights, delivery
):
    """Unready with the topic's name; nothing is committed of what was not delivered."""
    output = make_topic("doomed", partitions=4)
    deployment = deploy(
        DELIVERY=delivery,
        OUTPUT_TOPIC=output,
        PRODUCER_TOPIC_METADATA_PROPAGATION_MAX_MS="2000",
        PRODUCER_TOPIC_METADATA_REFRESH_INTERVAL_MS="1000",
    )
    records = make_records(deployment, streamed_flights.rows[:400])
    produce_records(deployment.bootstrap_servers, deployment.input_topic, records[:200])
    deployment.service.start().await_ready()
    await_committed(deployment.bootstrap_servers, group_of(deployment), deployment.input_topic)
    ask(deployment, lambda admin: admin.delete_topics([output]))
    produce_records(deployment.bootstrap_servers, deployment.input_topic, records[200:])
    await_health(deployment.service, output, within_seconds=60)
    assert committed_of(deployment) == dict.fromkeys(range(4), 50)
    make_topic(output, partitions=4, exact=True)
    await_committed(deployment.bootstrap_servers, group_of(deployment), deployment.input_topic, within_seconds=60)
    found = ids_in(deployment)
    assert set(found) == set(range(200, 400))
    if delivery == "exactly-once":
        assert len(found) == 200
    deployment.service.await_ready()
    assert deployment.service.terminate() == 0


def test_an_input_topic_that_is_deleted_is_named_and_read_again_when_it_is_back(deploy, make_topic, streamed_flights):
    """Alive and unready meanwhile; offsets of the old topic do not hide records of the new one."""
    deployment = deploy(CONSUMER_TOPIC_METADATA_REFRESH_INTERVAL_MS="1000")
    records = make_records(deployment, streamed_flights.rows[:100])
    produce_records(deployment.bootstrap_servers, deployment.input_topic, records)
    deployment.service.start().await_ready()
    await_committed(deployment.bootstrap_servers, group_of(deployment), deployment.input_topic)
    ask(deployment, lambda admin: admin.delete_topics([deployment.input_topic]))
    await_health(deployment.service, deployment.input_topic)
    assert deployment.service.ask("/health/live") == 200
    assert deployment.service.terminate() == 0
