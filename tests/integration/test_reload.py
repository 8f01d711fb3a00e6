"""The alias moves while records flow and callers call: every answer is of the version that it names."""

import json
import time
import urllib.request
from pathlib import Path

import lightgbm as lgb
import pytest

from scoreline.models.publishing import Publication, publish
from scoreline.models.store import ModelStore
from scoreline.testing.consume import produce_records, read_records
from tests.integration.predictions import decode_prediction
from tests.integration.test_service import make_records

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

CHANGES = 12
ROWS = 1_000
A_CHANGE = 500


def post(service, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{service.url}{path}", data, headers={"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.fixture
def two_versions(streamed_flights, tmp_path):
    """A store with the flights model as version 1, half of its trees as version 2, and what each gives for the rows."""
    halved = streamed_flights.booster.model_to_string(num_iteration=100)
    store = ModelStore(str(tmp_path / "models"))
    for text in (streamed_flights.booster.model_to_string(), halved):
        publish(store, Publication(name="flights", text=text.encode(), by="tests"))
    store.set_alias("flights", "production", 1, by="tests")
    return store, {1: streamed_flights.booster, 2: lgb.Booster(model_str=halved)}


def test_every_prediction_is_of_the_version_that_it_names_while_the_alias_moves(deploy, streamed_flights, two_versions):
    """On the stream and over HTTP; a version that may not serve changes nothing and is told of."""
    store, boosters = two_versions
    deployment = deploy(MODEL_STORE=store.url, MODEL_RELOAD_SECONDS="0.2", BATCH_MAX_RECORDS="64")
    service, servers, rows = deployment.service, deployment.bootstrap_servers, streamed_flights.rows[:ROWS]
    records = make_records(deployment, rows)
    instance = {name: value for name, value in rows[0].items() if name != "id"}
    service.start().await_ready()

    named = {post(service, "/predict?ignore_unknown=true", {"instances": [instance]})["version"]}
    for change in range(CHANGES):
        store.set_alias("flights", "production", 2 - change % 2, by="tests")
        produce_records(servers, deployment.input_topic, records[change * A_CHANGE % ROWS :][:A_CHANGE])
        until = time.monotonic() + 10
        while (answer := post(service, "/predict?ignore_unknown=true", {"instances": [instance]}))["version"] == (
            1 + change % 2
        ):
            assert time.monotonic() < until, "the service does not follow its alias"
        named.add(answer["version"])
        again = post(service, f"/predict?version={answer['version']}&ignore_unknown=true", {"instances": [instance]})
        assert again["predictions"] == answer["predictions"]
    assert named == {1, 2}

    outputs = read_records(servers, deployment.output_topic, at_least=CHANGES * A_CHANGE)
    predictions = [decode_prediction(record) for record in outputs]
    assert len(predictions) == CHANGES * A_CHANGE
    expected = {n: booster.predict(streamed_flights.matrix[:ROWS], num_threads=1) for n, booster in boosters.items()}
    for prediction in predictions:
        assert prediction["prediction"] == expected[prediction["version"]][int(prediction["id"])]
    assert {prediction["version"] for prediction in predictions} == {1, 2}

    live = post(service, "/models/reload")["version"]
    other = boosters[1].model_to_string(num_iteration=50)
    damaged = publish(store, Publication(name="flights", text=other.encode(), by="tests"))
    for blob in (Path(store.url) / "flights" / "blobs").iterdir():
        if blob.name == damaged.blobs["golden"].sha256:
            blob.chmod(0o644)
            blob.write_bytes(blob.read_bytes()[:-1])
    store.set_alias("flights", "production", damaged.version, by="tests")
    told = post(service, "/models/reload")
    assert (told["outcome"], told["version"]) == ("rejected", live)
    assert service.terminate() == 0
    assert len(service.logs("version_rejected")) == 1
    assert len(service.logs("version_live")) >= CHANGES
