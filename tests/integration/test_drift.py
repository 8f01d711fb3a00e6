"""A world that has changed, told by a running service: metric, `/drift`, a log line, and a record on a real Kafka."""

import json
import time
from itertools import islice

import pytest

import scoreline
from scoreline.cli.decoding import RecordDescriber
from scoreline.demo.flights import FEATURES, FIRST_STREAMED_MONTH, load_flights, to_rows
from scoreline.schemas.folder import FolderCatalog
from scoreline.schemas.framing import Framing
from scoreline.testing.consume import produce_records, scan_topic, stored
from scoreline.transport.record import StoredRecord
from tests.integration.calls import get, post

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

WINDOW = 500


def make_records(rows, encoder):
    return [StoredRecord("", i % 2, 0, row["id"].encode(), encoder.encode(row)) for i, row in enumerate(rows)]


def await_drift(service, condition, within_seconds=30.0):
    """Wait until what `/drift` tells of the only version is what is waited for."""
    deadline = time.monotonic() + within_seconds
    while not condition(told := json.loads(get(service, "/drift"))["versions"][0]):
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return told


def state_of(version, name):
    return next(feature["state"] for feature in version["features"] if feature["name"] == name)


def await_event(servers, topic, folder, **fields):
    """Wait for a drift event with these fields, whatever others there are; the first one."""
    describer = RecordDescriber(FolderCatalog(folder / "schemas"), Framing.CONFLUENT)
    found = []
    for message in scan_topic(servers, topic, is_enough=lambda: bool(found)):
        event = describer.describe(stored(message))["value"]
        if fields.items() <= event.items():
            found.append(event)
    assert found, fields
    return found[0]


def test_a_field_that_is_suddenly_null_is_told_everywhere_without_a_restart(
    deploy, make_topic, streamed_flights, tmp_path
):
    flights = load_flights()
    trained = flights[flights["month"] < FIRST_STREAMED_MONTH]
    store, topic = str(tmp_path / "models"), make_topic("drift")
    baseline = trained.iloc[::16].assign(order=range(len(trained.iloc[::16])))
    scoreline.publish(
        streamed_flights.booster, "flights", store=store, alias="production", baseline=baseline, time="order"
    )
    deployment = deploy(
        partitions=2,
        MODEL_STORE=store,
        CACHE_DIR=str(tmp_path / "cache"),
        DRIFT_EVENTS_TOPIC=topic,
        DRIFT_WINDOW_RECORDS=str(WINDOW),
        MEMBER_ID="member-7",
    )
    service, servers = deployment.service, deployment.bootstrap_servers
    usual = list(islice(to_rows(trained.iloc[1::64]), 4 * WINDOW))
    produce_records(servers, deployment.input_topic, make_records(usual, deployment.encoder))
    service.start().await_ready()
    report = await_drift(service, lambda version: version["window"] is not None)
    assert report["baseline"] == {
        "origin": "published",
        "rows": len(baseline),
        "time_ordered": True,
        "learned_at": None,
    }
    assert state_of(report, "temp") == "ok"

    null = [{**row, "temp": None} for row in usual]
    produce_records(servers, deployment.input_topic, make_records(null, deployment.encoder))
    report = await_drift(service, lambda version: state_of(version, "temp") == "drift")
    event = await_event(servers, topic, tmp_path, name="temp", state="drift")
    assert (event["model"], event["version"], event["member"], event["kind"]) == ("flights", 1, "member-7", "raised")
    assert (event["rule"], event["baseline"]) == ("quality", "published")
    assert event["value"] >= event["threshold"]
    feature = next(each for each in report["features"] if each["name"] == "temp")
    assert feature["cause"]["rule"] == "quality"
    assert len(feature["histogram"]["labels"]) == len(feature["histogram"]["baseline"])
    metrics = get(service, "/metrics")
    assert 'scoreline_drift_state{feature="temp",version="1"} 2.0' in metrics
    assert 'scoreline_drift_state{feature="distance",version="1"} 0.0' in metrics

    rows = [{name: row[name] for name in FEATURES} for row in usual[:WINDOW]]
    before = report["window"]["ended_at"]
    assert len(post(service, "/predict", {"instances": rows})["predictions"]) == WINDOW
    await_drift(service, lambda version: version["window"]["ended_at"] > before)
    assert service.terminate() == 0
    (line,) = [line for line in service.logs("drift_raised") if line["feature"] == "temp" and line["state"] == "drift"]
    assert (line["level"], line["model"], line["version"], line["rule"]) == ("WARNING", "flights", 1, "quality")
