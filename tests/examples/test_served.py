"""ONNX models published by the command line and served by the service, equal to onnxruntime's own result.

Nothing of scoreline knows of ONNX: the example package is installed into a folder that the processes import from.
"""

import io
import json
import urllib.request
from pathlib import Path

import fastavro
import numpy as np
import pytest

from scoreline.models.cache import ModelCache
from scoreline.models.loading import VersionLoader
from scoreline.models.store import ModelStore
from scoreline.records import PIN_HEADER
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.folder import write_schema
from scoreline.schemas.framing import Framing
from scoreline.schemas.predictions import PredictionEncoder
from scoreline.scoring import ScoringPath
from scoreline.testing.consume import produce_records, read_records
from scoreline.testing.fakes import FixedVersions
from scoreline.transport.record import StoredRecord
from tests.examples.onnx_models import make_classifier, make_trees
from tests.integration.commands import run_command
from tests.integration.predictions import decode_prediction
from tests.models.builders import train

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow

SCHEMA = {
    "type": "record",
    "name": "Reading",
    "fields": [
        {"name": "x", "type": "double"},
        {"name": "y", "type": ["null", "double"]},
        {"name": "category", "type": "long"},
        {"name": "constant", "type": "double"},
    ],
}
SCHEMA_ID = 1
NAMES = tuple(field["name"] for field in SCHEMA["fields"])
PREFIX = b"\x00" + (2_000_000_000).to_bytes(4, "big")
FEATURES = [{"name": "x"}, {"name": "y", "nullable": True}, {"name": "category", "kind": "integer"}]


def rows_of(matrix):
    """What callers send: null for NaN, and whole categories."""
    columns = np.column_stack([matrix, np.zeros(len(matrix))])
    return [
        {"x": x, "y": None if y != y else y, "category": int(category), "constant": constant}
        for x, y, category, constant in columns.tolist()
    ]


def encode(row):
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, SCHEMA, row)
    return b"\x00" + SCHEMA_ID.to_bytes(4, "big") + buffer.getvalue()


def oracle_of_lightgbm(rows):
    return train("regression").booster.predict(np.column_stack([rows, np.zeros(len(rows))]), num_threads=1)


@pytest.fixture(scope="module")
def published(scoreline_onnx, tmp_path_factory):
    """A store with LightGBM as version 1 and ONNX as version 2 of one model, and ONNX classes as another model."""
    folder = tmp_path_factory.mktemp("published")
    trees, classifier = make_trees(), make_classifier()
    golden = "".join(json.dumps(row) + "\n" for row in rows_of(trees.rows[:8]))
    files = {
        "model.txt": train("regression").text,
        "trees.onnx": trees.artifact,
        "features.json": json.dumps(FEATURES).encode(),
        "golden.jsonl": golden.encode(),
        "classifier.onnx": classifier.artifact,
        "classes.csv": b"size,count\n0.5,1\n-1.5,-3\n",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    variables = {"MODEL_STORE": str(folder / "store"), "CACHE_DIR": str(folder / "cache")}

    def publish(name, file, *options):
        places = [str(folder / option) if option in files else option for option in (file, *options)]
        return run_command(["models", "publish", name, *places], variables)

    said = ("--features", "features.json", "--golden", "golden.jsonl")
    done = [
        publish("readings", "model.txt", "--alias", "production"),
        publish("readings", "trees.onnx", *said),
        publish("kinds", "classifier.onnx", "--classes", "low,middle,high", "--golden", "classes.csv"),
    ]
    assert [each.returncode for each in done] == [0, 0, 0], done
    return publish, variables


@pytest.fixture
def alias_back(published):
    """The alias means the LightGBM version, before and after a test."""
    store = ModelStore(published[1]["MODEL_STORE"])
    store.set_alias("readings", "production", 1, by="tests")
    return store


def post(service, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{service.url}{path}", data, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_the_manifest_says_what_the_artifact_is(published):
    store = ModelStore(published[1]["MODEL_STORE"])
    trees, classes = store.manifest("readings", 2), store.manifest("kinds", 1)
    assert (trees.format, classes.format) == ("onnx", "onnx")
    assert [feature.nullable for feature in trees.features] == [False, True, False]
    assert classes.classes == ("low", "middle", "high")
    assert trees.training["producer"] == "tests"
    assert "onnxruntime" in trees.training["published_with"]


def test_what_onnx_does_not_tell_has_to_be_said(published):
    publish, _ = published
    nameless = publish("readings", "trees.onnx")
    assert nameless.returncode == 2
    assert "does not name its 3 features" in nameless.stderr
    unproved = publish("readings", "trees.onnx", "--features", "features.json")
    assert unproved.returncode == 2
    assert "give some with --golden" in unproved.stderr


def test_without_the_package_its_versions_are_rejected_and_the_others_serve(published, monkeypatch):
    """As on a machine where it was forgotten: the message says what is missing."""
    publish, variables = published
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    verified = run_command(["models", "verify", "readings", "--json"], variables)
    told = {row["version"]: row for row in json.loads(verified.stdout)}
    assert verified.returncode == 3
    assert told[1]["ok"]
    assert "the format 'onnx' is not known here; known are lightgbm" in told[2]["detail"]
    unknown = publish("readings", "trees.onnx", "--format", "onnx")
    assert unknown.returncode == 2
    assert "the format 'onnx' is not known here" in unknown.stderr


def test_a_version_of_another_kind_takes_over_while_the_sidecar_answers(published, alias_back, scoreline_service):
    """From LightGBM to ONNX and back, over HTTP; each answer is its own library's."""
    made = make_trees()
    body = {"instances": rows_of(made.rows)}
    service = scoreline_service({**published[1], "MODEL": "readings"}, roles=["http"]).start().await_ready()
    expected = {1: oracle_of_lightgbm(made.rows).tolist(), 2: made.expected.tolist()}
    for version in (1, 2, 1):
        alias_back.set_alias("readings", "production", version, by="tests")
        assert post(service, "/models/reload")["version"] == version
        answer = post(service, "/predict?ignore_unknown=true", body)
        assert (answer["version"], answer["predictions"]) == (version, expected[version])
        one = post(service, "/predict?ignore_unknown=true", {"instances": body["instances"][:1]})
        assert one["predictions"] == expected[version][:1]
    with urllib.request.urlopen(f"{service.url}/metrics", timeout=10) as metrics:
        assert 'engine="lightgbm"' in metrics.read().decode()
    assert service.terminate() == 0


def test_classes_and_their_scores_are_onnxruntimes(published, scoreline_service):
    made = make_classifier()
    service = scoreline_service({**published[1], "MODEL": "kinds", "MODEL_ALIAS": "production"}, roles=["http"])
    ModelStore(published[1]["MODEL_STORE"]).set_alias("kinds", "production", 1, by="tests")
    service.start().await_ready()
    rows = [{"size": size, "count": int(count)} for size, count in made.rows.tolist()]
    answer = post(service, "/predict", {"instances": rows})
    assert answer["scores"] == made.expected.tolist()
    assert answer["labels"] == [made.classes[best] for best in made.expected.argmax(axis=1)]
    with urllib.request.urlopen(f"{service.url}/metrics", timeout=10) as metrics:
        assert 'engine="onnxruntime"' in metrics.read().decode()


class OneSchema:
    """A catalog that knows the readings' schema."""

    def find_writer(self, schema_id):
        assert schema_id == SCHEMA_ID
        return fastavro.parse_schema(SCHEMA)


@pytest.mark.parametrize("count", [1, 5, 150])
def test_the_streams_path_gives_what_onnxruntime_gives(published, tmp_path, count):
    """Avro in, Avro out, with versions of both kinds in one batch: every third record is pinned to LightGBM's."""
    store, made = ModelStore(published[1]["MODEL_STORE"]), make_trees()
    loader = VersionLoader(store, ModelCache(tmp_path / "cache"))
    versions = FixedVersions({n: loader.load("readings", n).model for n in (1, 2)}, {"production": 2})
    decoder = PayloadDecoder(OneSchema(), framing=Framing.CONFLUENT)
    path = ScoringPath(versions, decoder, PredictionEncoder(PREFIX), wall_clock=lambda: 1.5)
    pins = [[(PIN_HEADER, b"1")] if n % 3 == 1 else [] for n in range(count)]
    values = [encode(row) for row in rows_of(made.rows[:count])]
    records = [StoredRecord("in", 0, n, b"%d" % n, values[n], pins[n]) for n in range(count)]
    batch = path.decode(records)
    outputs, letters = path.encode(batch, path.predict(batch))
    assert (len(batch.dead_letters), len(letters)) == (0, 0)
    predictions = [
        fastavro.schemaless_reader(io.BytesIO(value[len(PREFIX) :]), prediction_schema(), None)
        for value in outputs.values
    ]
    assert [prediction["version"] for prediction in predictions] == [1 if pin else 2 for pin in pins]
    oracle = {1: oracle_of_lightgbm(made.rows), 2: made.expected}
    for n, prediction in enumerate(predictions):
        assert prediction["prediction"] == oracle[prediction["version"]][n]


@pytest.mark.kafka
def test_the_stream_goes_over_to_onnx_on_a_real_broker(
    published, alias_back, kafka, kafka_topics, make_topic, scoreline_service, tmp_path
):
    """A few hundred records of each version, and every prediction is that of the version that it names."""
    made, schemas = make_trees(), tmp_path / "schemas"
    assert write_schema(schemas, "readings-value", fastavro.parse_schema(SCHEMA)) == SCHEMA_ID
    names = ("features", "predictions", "dead-letters")
    given, put, dead = (make_topic(label, partitions=2) for label in names)
    make_topic(f"{given}.redrive", partitions=2, exact=True)
    kafka_topics.share("drift-events")
    variables = {
        **published[1],
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "MODEL": "readings",
        "SCHEMA_DIR": str(schemas),
        "INPUT_TOPIC": given,
        "OUTPUT_TOPIC": put,
        "DEAD_LETTER_TOPIC": dead,
        "REDRIVE_TOPIC": f"{given}.redrive",
        "GROUP_ID": f"group-{given}",
    }
    service = scoreline_service(variables, roles=["stream", "http"]).start().await_ready()
    rows = rows_of(made.rows) * 2
    records = [StoredRecord("", n % 2, 0, b"%d" % (n % len(made.rows)), encode(row)) for n, row in enumerate(rows)]
    for version in (1, 2):
        alias_back.set_alias("readings", "production", version, by="tests")
        assert post(service, "/models/reload")["version"] == version
        produce_records(kafka.bootstrap_servers, given, records)
        read_records(kafka.bootstrap_servers, put, at_least=len(records) * version)
    assert service.terminate() == 0
    predictions = [decode_prediction(record) for record in read_records(kafka.bootstrap_servers, put)]
    expected = {1: oracle_of_lightgbm(made.rows), 2: made.expected}
    assert [sum(p["version"] == version for p in predictions) for version in (1, 2)] == [len(records)] * 2
    for prediction in predictions:
        assert prediction["prediction"] == expected[prediction["version"]][int(prediction["id"])]
