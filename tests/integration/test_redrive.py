"""Poison of every kind through the real service, the cures, and a redrive that has everything scored."""

import json
import struct
import time
import urllib.request

import pytest

from scoreline.dead_letters import ATTEMPT_HEADER, REASON_HEADER, SOURCE_TOPIC_HEADER
from scoreline.demo.flights import flight_schema
from scoreline.models.publishing import Publication, publish
from scoreline.models.store import ModelStore
from scoreline.records import PIN_HEADER, Reason, find_header
from scoreline.testing.consume import produce_records, read_records
from scoreline.transport.record import StoredRecord
from tests.integration.commands import run_command
from tests.integration.predictions import decode_prediction

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

NEW_SCHEMA_ID = 777
PER_KIND = 30


@pytest.fixture
def redrive(deploy):
    """`redrive(deployment, *options)` runs the command with the deployment's settings; returns what it says."""

    def run(deployment, *options):
        done = run_command(["dead-letters", "redrive", "--json", *options], deployment.variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def make_poison(deployment, rows):
    """Records that are good but for something outside of them: an unknown schema, an unknown version, a tombstone."""
    new_prefix = struct.pack(">bI", 0, NEW_SCHEMA_ID)
    records = []
    for number, row in enumerate(rows):
        value = deployment.encoder.encode({**row, "id": str(number)})
        kind = number % 3
        records.append(
            StoredRecord(
                partition_=number % 4,
                key_=b"%d" % number,
                value_=None if kind == 2 else new_prefix + value[5:] if kind == 0 else value,
                headers_=[("trace", b"t%d" % number), *([(PIN_HEADER, b"2")] if kind == 1 else [])],
            )
        )
    return records


def await_finished(service, count, within_seconds=30.0):
    """Wait until the service has finished so many records."""
    deadline = time.monotonic() + within_seconds
    while True:
        with urllib.request.urlopen(f"{service.url}/stats", timeout=10) as answer:
            finished = json.load(answer)["stream"]["records"]["total"]
        if finished >= count:
            assert finished == count
            return
        assert time.monotonic() < deadline, service.last_words()
        time.sleep(0.05)


def test_everything_is_scored_once_after_the_cures(
    deploy, redrive, streamed_flights, flights_store, tmp_path, make_topic
):
    store = tmp_path / "models"
    text = streamed_flights.booster.model_to_string().encode()
    publish(ModelStore(str(store)), Publication(name="flights", text=text, by="tests", alias="production"))
    deployment = deploy(MODEL_STORE=str(store))
    make_topic(deployment.variables["DEAD_LETTER_TOPIC"] + ".redriven", partitions=4, exact=True)
    servers, rows = deployment.bootstrap_servers, streamed_flights.rows[: 3 * PER_KIND]
    produce_records(servers, deployment.input_topic, make_poison(deployment, rows))
    deployment.service.start().await_ready()
    letters = read_records(servers, deployment.dead_letter_topic, at_least=len(rows))
    reasons = [find_header(letter, REASON_HEADER).decode() for letter in letters]
    assert {reason: reasons.count(reason) for reason in set(reasons)} == {
        "unknown_schema": PER_KIND,
        "unknown_version": PER_KIND,
        "tombstone": PER_KIND,
    }

    # Without a cure everything comes back, and is counted on.
    assert redrive(deployment, "--reason", "unknown_schema")["redriven"] == PER_KIND
    letters = read_records(servers, deployment.dead_letter_topic, at_least=len(rows) + PER_KIND)
    again = [
        x for x in letters if find_header(x, SOURCE_TOPIC_HEADER) == deployment.variables["REDRIVE_TOPIC"].encode()
    ]
    assert {(find_header(x, REASON_HEADER), find_header(x, ATTEMPT_HEADER)) for x in again} == {
        (b"unknown_schema", b"2")
    }

    (tmp_path / "schemas" / "features-value" / f"{NEW_SCHEMA_ID}.avsc").write_text(json.dumps(flight_schema()))
    publish(ModelStore(str(store)), Publication(name="flights", text=text, by="tests"))
    assert deployment.service.terminate() == 0
    cured = deploy(like=deployment, name="cured", MODEL_STORE=str(store), TOMBSTONES="skip")
    cured.service.start().await_ready()
    counted = redrive(cured)
    assert counted["redriven"] == 3 * PER_KIND
    assert {r["reason"]: (r["due"], r["redriven"]) for r in counted["reasons"]} == {
        "unknown_schema": (PER_KIND, PER_KIND),
        "unknown_version": (PER_KIND, 0),
        "tombstone": (PER_KIND, 0),
    }
    assert redrive(cured)["redriven"] == 0

    await_finished(cured.service, 3 * PER_KIND)
    outputs = read_records(servers, cured.output_topic)
    predictions = [decode_prediction(record) for record in outputs]
    assert sorted(int(p["id"]) for p in predictions) == [n for n in range(3 * PER_KIND) if n % 3 < 2]
    for record, prediction in zip(outputs, predictions, strict=True):
        number = int(prediction["id"])
        assert prediction["prediction"] == streamed_flights.expected[number]
        assert prediction["version"] == (2 if number % 3 == 1 else 1)
        assert prediction["source_topic"] == cured.variables["REDRIVE_TOPIC"]
        assert (prediction["source_partition"], record.partition()) == (number % 4, number % 4)
        assert (record.key(), record.headers()) == (b"%d" % number, (("trace", b"t%d" % number),))
    assert len(read_records(servers, cured.dead_letter_topic)) == 4 * PER_KIND
    assert cured.service.terminate() == 0


def test_what_stays_broken_goes_round_until_its_attempts_are_used_up(deploy, redrive, streamed_flights, make_topic):
    deployment = deploy()
    make_topic(deployment.variables["DEAD_LETTER_TOPIC"] + ".redriven", partitions=4, exact=True)
    servers = deployment.bootstrap_servers
    value = deployment.encoder.encode(streamed_flights.rows[0])[:-3]
    produce_records(servers, deployment.input_topic, [StoredRecord(partition_=3, key_=b"bad", value_=value)])
    deployment.service.start().await_ready()

    for attempt in (1, 2, 3):
        letter = read_records(servers, deployment.dead_letter_topic, at_least=attempt)[-1]
        assert find_header(letter, REASON_HEADER) == Reason.UNDECODABLE.value.encode()
        assert find_header(letter, ATTEMPT_HEADER) == b"%d" % attempt
        assert (letter.partition(), letter.key(), letter.value()) == (3, b"bad", value)
        told = redrive(deployment, "--max-attempts", "3")
        assert told["redriven"] == (1 if attempt < 3 else 0)
    assert told["reasons"] == [
        {"reason": "undecodable", "letters": 3, "due": 0, "redriven": 2, "exhausted": 1, "foreign": 0}
    ]
    assert deployment.service.terminate() == 0
