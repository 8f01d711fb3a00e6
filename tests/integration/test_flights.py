"""All flights of July to December through the whole service, on a real Kafka."""

import json
import urllib.request
from collections import defaultdict

import numpy as np
import pytest

from scoreline.dead_letters import (
    DETAIL_HEADER,
    REASON_HEADER,
    SOURCE_OFFSET_HEADER,
    SOURCE_PARTITION_HEADER,
    SOURCE_TOPIC_HEADER,
)
from scoreline.demo.flights import FEATURES
from scoreline.records import find_header
from scoreline.testing.consume import produce_records, read_records
from scoreline.transport.record import StoredRecord
from tests.integration.predictions import decode_prediction

PARTITIONS = 4
HTTP_ROWS = 10_000

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


def make_records(rows, encoder):
    """All rows as records over the partitions, with one of every kind of broken record after each tenth of them."""
    records, broken = [], []
    every = len(rows) // 10
    for i, row in enumerate(rows):
        partition = i % PARTITIONS
        value = encoder.encode(row)
        records.append(StoredRecord("", partition, 0, row["id"].encode(), value, [("trace", b"%d" % i)]))
        if i % every == every - 1:
            for poison in encoder.poisons():
                key, headers = b"poison %d %s" % (i, poison.name.encode()), [("trace", b"poison"), *poison.headers]
                records.append(StoredRecord("", partition, 0, key, poison.spoil(value), headers))
                broken.append((records[-1], poison))
    return records, broken


def test_every_flight_gets_the_bits_of_booster_predict_once_in_order_and_every_broken_record_is_a_dead_letter(
    deploy, streamed_flights
):
    """Stream, dead letters and HTTP against LightGBM alone, row by row."""
    rows, expected = streamed_flights.rows, streamed_flights.expected
    deployment = deploy(partitions=PARTITIONS)
    records, broken = make_records(rows, deployment.encoder)
    produce_records(deployment.bootstrap_servers, deployment.input_topic, records)
    deployment.service.start().await_ready()
    servers = deployment.bootstrap_servers
    outputs = read_records(servers, deployment.output_topic, at_least=len(rows), within_seconds=120)
    letters = read_records(servers, deployment.dead_letter_topic, at_least=len(broken))

    check_predictions(outputs, rows, expected, deployment)
    check_dead_letters(letters, broken, deployment)
    check_http(deployment.service.url, rows, expected)
    assert deployment.service.terminate() == 0


def check_predictions(outputs, rows, expected, deployment):
    """Each id once, its bits, its key and headers, its partition, and the order within it."""
    answers = dict(zip((r["id"] for r in rows), expected.tolist(), strict=True))
    assert len(outputs) == len(rows)
    last_offset = defaultdict(lambda: -1)
    for record in outputs:
        prediction = decode_prediction(record)
        assert prediction["prediction"] == answers.pop(prediction["id"])
        assert record.key() == prediction["id"].encode()
        assert [name for name, _ in record.headers()] == ["trace"]
        assert prediction["source_topic"] == deployment.input_topic
        assert record.partition() == prediction["source_partition"]
        assert prediction["source_offset"] > last_offset[record.partition()]
        last_offset[record.partition()] = prediction["source_offset"]
        assert (prediction["model"], prediction["version"]) == ("flights", 1)
    assert not answers


def check_dead_letters(letters, broken, deployment):
    """Exact bytes, reason and position of every broken record that was sent."""
    sources = {
        (r.partition(), r.offset()): r
        for r in read_records(deployment.bootstrap_servers, deployment.input_topic, at_least=len(broken))
    }
    reasons = {record.key(): poison.reason for record, poison in broken}
    assert len(letters) == len(broken)
    for letter in letters:
        position = int(find_header(letter, SOURCE_PARTITION_HEADER)), int(find_header(letter, SOURCE_OFFSET_HEADER))
        source = sources[position]
        assert (letter.key(), letter.value()) == (source.key(), source.value())
        assert find_header(letter, SOURCE_TOPIC_HEADER).decode() == deployment.input_topic
        assert find_header(letter, "trace") == b"poison"
        assert find_header(letter, REASON_HEADER).decode() == reasons.pop(letter.key())
        assert find_header(letter, DETAIL_HEADER)
    assert not reasons


def check_http(url, rows, expected):
    """The same rows over HTTP give the same bits."""
    answers = []
    for start in range(0, len(rows), HTTP_ROWS):
        instances = [{name: row[name] for name in FEATURES} for row in rows[start : start + HTTP_ROWS]]
        request = urllib.request.Request(
            f"{url}/predict", json.dumps({"instances": instances}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            answers.extend(json.load(response)["predictions"])
    assert np.array_equal(np.array(answers), expected)
