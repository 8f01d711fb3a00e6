"""Models of every objective and shape: stream, HTTP and the original model's own predict agree to the last bit."""

import io
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from scoreline.models.cache import ModelCache
from scoreline.models.formats.lightgbm_text import LightGBMFormat
from scoreline.models.loading import VersionLoader
from scoreline.models.manifest import Manifest
from scoreline.models.model import ModelVersion
from scoreline.models.store import ModelStore
from scoreline.records import DeadLetter, Reason
from scoreline.schemas.decoder import COLUMNS_FROM_RECORDS, PayloadDecoder
from scoreline.schemas.feature_schema import make_feature_schema
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.framing import Framing
from scoreline.schemas.predictions import PredictionEncoder
from scoreline.scoring import ScoringPath
from scoreline.testing.fakes import FixedVersions
from scoreline.transport.record import StoredRecord
from tests.http.sidecars import serve
from tests.integration.shapes import SHAPES
from tests.schemas.payloads import HEAD, OneShelf

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Asked:
    """A published version as a service loads it, and rows with what the original model gave for them."""

    manifest: Manifest
    version: ModelVersion
    rows: list[dict[str, Any]]
    expected: np.ndarray
    refused: str | None

    def stream(self, rows: list[dict[str, Any]], *, nullable: bool = False) -> tuple[list[bytes], list[DeadLetter]]:
        """What the stream makes of rows that a producer writes with the schema of `models show --avro`.

        Args:
            nullable: whether the producer's own schema lets every field be null.
        """
        features = [replace(f, nullable=True) if nullable else f for f in self.manifest.features]
        schema = parse_schema(dict(make_feature_schema(self.manifest.name, features)))
        records = []
        for offset, row in enumerate(rows):
            stream = io.BytesIO()
            schemaless_writer(stream, schema, row)
            records.append(StoredRecord(offset_=offset, value_=HEAD + stream.getvalue()))
        decoder = PayloadDecoder(OneShelf({1: schema}), framing=Framing.CONFLUENT)
        versions = FixedVersions({1: self.version.model}, name=self.manifest.name)
        path = ScoringPath(versions, decoder, PredictionEncoder(b""), wall_clock=lambda: 1.5)
        batch = path.decode(records)
        outputs, dead_letters = path.encode(batch, path.predict(batch))
        return [value for value in outputs.values if value is not None], dead_letters


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """All shapes, trained and published in a process of their own."""
    folder = tmp_path_factory.mktemp("shapes")
    command = [sys.executable, "-m", "tests.integration.shapes", str(folder)]
    child = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    return folder


@pytest.fixture
def asked(request, folder) -> Asked:
    store = ModelStore(str(folder))
    manifest = store.manifest(request.param, 1)
    cache = ModelCache(folder / "cache")  # publishing has just survived it
    cache.remember_probed(
        manifest.blobs["model"], manifest.feature_set, LightGBMFormat().runtime
    )  # publishing has just survived it
    content = json.loads((folder / f"{request.param}.json").read_text())
    expected = np.array([float.fromhex(score) for score in content["scores"]]).reshape(content["shape"])
    version = VersionLoader(store, cache).load(request.param, 1)
    return Asked(manifest, version, content["rows"], expected, content["refused"])


of_every_shape = pytest.mark.parametrize("asked", SHAPES, indirect=True)


def read_predictions(values: list[bytes]) -> list[dict[str, Any]]:
    return [schemaless_reader(io.BytesIO(value), prediction_schema(), None) for value in values]


@of_every_shape
def test_the_stream_answers_what_the_original_model_predicts(asked):
    """Many records are decoded by columns, few by rows; few are scored one by one, many at once."""
    assert len(asked.rows) > COLUMNS_FROM_RECORDS
    for rows, expected in ((asked.rows, asked.expected), (asked.rows[:5], asked.expected[:5])):
        values, dead_letters = asked.stream(rows)
        assert not dead_letters
        for prediction, scores in zip(read_predictions(values), expected, strict=True):
            assert_answer(asked, prediction["prediction"], prediction["scores"], prediction["label"], scores)


@of_every_shape
async def test_http_answers_what_the_original_model_predicts(asked):
    for rows, expected in ((asked.rows, asked.expected), (asked.rows[:5], asked.expected[:5])):
        async with serve({1: asked.version.model}) as running:
            answer = await running.predict_bytes(msgspec.json.encode({"instances": rows}))
        assert answer.status == 200, answer.body
        body = answer.json
        several = expected.ndim == 2
        assert ("scores" in body, "labels" in body) == (several, several)
        nothing = [None] * len(rows)
        of_rows = zip(body["predictions"], body.get("scores", nothing), body.get("labels", nothing), strict=True)
        for (prediction, scores, label), original in zip(of_rows, expected, strict=True):
            assert_answer(asked, prediction, scores or [], label, original)


def assert_answer(asked: Asked, prediction: float, scores: list[float], label: str | None, original: Any) -> None:
    classes = asked.manifest.classes
    if classes is None:
        assert (prediction, scores, label) == (float(original), [], None)
        assert np.signbit(prediction) == np.signbit(original)
    else:
        best = int(np.argmax(original))
        assert (prediction, scores, label) == (best, original.tolist(), classes[best])


@of_every_shape
async def test_a_null_where_training_saw_none_is_refused_on_both_ways(asked):
    """LightGBM would score it as 0.0 without a word."""
    for feature in asked.manifest.features:
        row = {**asked.rows[0], feature.name: None}
        async with serve({1: asked.version.model}) as running:
            status = (await running.predict([row])).status
        values, dead_letters = asked.stream([row], nullable=True)
        reasons = [letter.reason for letter in dead_letters]
        if feature.nullable:
            assert (status, len(values), reasons) == (200, 1, [])
        else:
            assert (status, len(values), reasons) == (422, 0, [Reason.MISSING_FEATURE])


@pytest.mark.parametrize("asked", ["use_missing_false", "frame_ordered"], indirect=True)
def test_what_the_text_does_not_tell_has_to_be_said_before_it_is_published(asked):
    assert "--features" in asked.refused
