"""The one scoring path, with the real decoder and encoder, against scoring row by row."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.errors import ModelNotFound, ModelRejected, SchemaNotFound, Unavailable
from scoreline.features import Feature, Kind, Matrix
from scoreline.models.live_route import LiveRoute, Versions
from scoreline.models.model import Model, ModelVersion, Scores
from scoreline.records import PIN_HEADER, DeadLetter, Outputs, Reason, Record
from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.framing import Framing
from scoreline.schemas.predictions import PredictionEncoder
from scoreline.scoring import ScoringPath, Tombstones, score
from scoreline.testing.fakes import FixedVersions, WeightedSum
from scoreline.transport.record import StoredRecord

INPUT_ID = 7
INPUT = parse_schema(
    {
        "type": "record",
        "name": "Row",
        "fields": [
            {"name": "x", "type": ["null", "double"]},
            {"name": "y", "type": "double"},
            {"name": "origin", "type": ["string", "null"]},
            {"name": "ride", "type": ["null", "string"], "default": None},
            {"name": "at", "type": ["null", "long"], "default": None},
        ],
    }
)
PREFIX = b"\x00\x77\x35\x94\x00"
UNLUCKY = 13.0

X, Y = Feature("x", nullable=False), Feature("y")
ORIGIN = Feature("origin", Kind.CATEGORICAL, levels=("JFK", "LGA"))


class Catalog:
    """Knows one schema."""

    def find_writer(self, schema_id: int) -> ParsedSchema:
        if schema_id != INPUT_ID:
            raise SchemaNotFound(f"there is no schema {schema_id}")
        return INPUT

    def find_fingerprint(self, fingerprint: bytes) -> ParsedSchema:
        raise SchemaNotFound(fingerprint.hex())

    def id_of_output(self, subject: str, schema: ParsedSchema) -> int:
        raise SchemaNotFound(subject)

    def latest(self, subject: str) -> ParsedSchema:
        raise SchemaNotFound(subject)


class Brittle(WeightedSum):
    """Gives infinity for any row whose sum would be 13."""

    def predict(self, features: Matrix) -> Scores:
        scores = super().predict(features)
        scores[scores == UNLUCKY] = np.inf
        return scores


def make_models() -> Mapping[int, Model]:
    """Versions that differ in features, in their order, and in what they give."""
    return {
        1: Brittle([X, Y], [1.0, 10.0]),
        2: Brittle([ORIGIN, Y, X], [100.0, 1.0, 0.5]),
        3: Brittle([X, Y], [1.0, 1.0], classes=("a", "b")),
    }


def make_path(
    versions: Versions | None = None,
    *,
    tombstones: Tombstones = Tombstones.DEAD_LETTER,
    id_field: str | None = None,
    event_time_field: str | None = None,
) -> ScoringPath:
    decoder = PayloadDecoder(Catalog(), framing=Framing.CONFLUENT, id_field=id_field, event_time_field=event_time_field)
    versions = versions or FixedVersions(make_models(), {"production": 1, "canary": 2})
    return ScoringPath(versions, decoder, PredictionEncoder(PREFIX), wall_clock=lambda: 1.5, tombstones=tombstones)


def make_value(
    x: float | None = 1.0,
    y: float = 2.0,
    origin: str | None = "JFK",
    *,
    ride: str | None = None,
    at: int | None = None,
    schema_id: int = INPUT_ID,
) -> bytes:
    buffer = io.BytesIO()
    schemaless_writer(buffer, INPUT, {"x": x, "y": y, "origin": origin, "ride": ride, "at": at})
    return b"\x00" + schema_id.to_bytes(4, "big") + buffer.getvalue()


def make_record(offset: int, value: bytes | None, pin: bytes | None = None) -> StoredRecord:
    headers = [("trace", b"%d" % offset)]
    if pin is not None:
        headers.append((PIN_HEADER, pin))
    return StoredRecord("features", 0, offset, b"key-%d" % offset, value, headers, timestamp_ms=1000 + offset)


def run(path: ScoringPath, records: Sequence[Record]) -> tuple[Outputs, list[DeadLetter]]:
    batch = path.decode(records)
    return path.encode(batch, path.predict(batch))


def read_prediction(value: bytes | None) -> dict[str, object]:
    assert value is not None
    assert value.startswith(PREFIX)
    stream = io.BytesIO(value[len(PREFIX) :])
    prediction = schemaless_reader(stream, prediction_schema(), None)
    assert not stream.read()
    return prediction


def test_each_record_gets_its_own_prediction_in_input_order():
    records = [make_record(i, make_value(x=float(i), y=100.0)) for i in range(40)]
    outputs, dead_letters = run(make_path(), records)
    assert not dead_letters
    assert list(outputs.records) == records
    for record, value in zip(outputs.records, outputs.values, strict=True):
        prediction = read_prediction(value)
        assert prediction["id"] == f"key-{record.offset()}"
        assert prediction["prediction"] == record.offset() + 1000.0
        assert prediction["source_offset"] == record.offset()
        assert prediction["scored_at"].timestamp() == 1.5


Bad = tuple[Reason, int | None]
ROWS = {
    "good": make_value(),
    "other": make_value(x=0.25, y=-4.0, origin="LGA"),
    "unseen level": make_value(origin="ORD"),
    "null level": make_value(origin=None),
    "null x": make_value(x=None),
    "unlucky": make_value(x=3.0, y=1.0),
    "unlucky in one class": make_value(x=3.0, y=10.0),
    "infinite": make_value(y=float("inf")),
    "cut": make_value()[:-1],
    "too long": make_value() + b"\x00",
    "no frame": b"\x00\x00",
    "unknown schema": make_value(schema_id=99),
    "tombstone": None,
}
PINS = [None, b"1", b"2", b"3", b"latest", b"canary", b"production", b"9", b"nonsense", b"\xff", b""]
MEANINGS = {None: 1, b"1": 1, b"2": 2, b"3": 3, b"latest": 3, b"canary": 2, b"production": 1}


def score_alone(name: str, pin: bytes | None) -> tuple[int, float] | Bad:
    """What the contract says of one record: (version, prediction), or (reason, version)."""
    if name == "tombstone":
        return Reason.TOMBSTONE, None
    if pin not in MEANINGS:
        return Reason.UNKNOWN_VERSION, None
    version = MEANINGS[pin]
    if name in ("cut", "too long", "no frame"):
        return Reason.UNDECODABLE, version
    if name == "unknown schema":
        return Reason.UNKNOWN_SCHEMA, version
    if name == "null x":
        return Reason.MISSING_FEATURE, version
    if name == "infinite":
        return Reason.INVALID_VALUE, version
    x, y, code = {"other": (0.25, -4.0, 1.0), "unlucky": (3.0, 1.0, 0.0), "unlucky in one class": (3.0, 10.0, 0.0)}.get(
        name, (1.0, 2.0, 0.0)
    )
    total = {1: x + 10 * y, 2: 100 * code + y + 0.5 * x, 3: x + y}[version]
    if total == UNLUCKY:
        return Reason.INVALID_VALUE, version
    return version, float(1) if version == 3 and total > 0 else (0.0 if version == 3 else total)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(sorted(ROWS)), st.sampled_from(PINS)), max_size=45))
def test_whatever_a_batch_holds_every_record_gets_what_it_would_get_alone(drawn):
    records = [make_record(i, ROWS[name], pin) for i, (name, pin) in enumerate(drawn)]
    expected = [score_alone(name, pin) for name, pin in drawn]
    outputs, dead_letters = run(make_path(), records)
    found: dict[int, object] = {}
    versions = [outputs.versions] * len(outputs) if isinstance(outputs.versions, int) else outputs.versions
    assert [r.offset() for r in outputs.records] == sorted(r.offset() for r in outputs.records)
    for record, value, version in zip(outputs.records, outputs.values, versions, strict=True):
        prediction = read_prediction(value)
        assert (prediction["version"], prediction["source_offset"]) == (version, record.offset())
        found[record.offset()] = (version, prediction["prediction"])
    for letter in dead_letters:
        assert letter.record.offset() not in found
        assert letter.record is records[letter.record.offset()]
        assert letter.detail
        found[letter.record.offset()] = (letter.reason, letter.version)
    assert found == dict(enumerate(expected))


def make_mixed_records(*names_and_pins: tuple[str, bytes | None]) -> list[StoredRecord]:
    return [make_record(i, ROWS[name], pin) for i, (name, pin) in enumerate(names_and_pins)]


def test_dead_letters_of_a_batch_come_in_input_order():
    records = make_mixed_records(
        ("cut", b"2"), ("good", None), ("tombstone", None), ("null x", b"1"), ("good", b"9"), ("unknown schema", b"2")
    )
    _, dead_letters = run(make_path(), records)
    assert [letter.record.offset() for letter in dead_letters] == [0, 2, 3, 4, 5]


def test_dead_letters_found_after_scoring_take_their_place_among_the_others():
    records = make_mixed_records(("unlucky", None), ("cut", None), ("unlucky", b"1"), ("null x", b"2"))
    _, dead_letters = run(make_path(), records)
    assert [letter.record.offset() for letter in dead_letters] == [0, 1, 2, 3]


@pytest.mark.parametrize("n", [5, 40])
def test_ids_and_event_times_stay_with_their_rows_when_others_are_taken_out(n):
    """Rows leave at three points: undecodable, not allowed, without a finite output."""
    records = [
        make_record(
            i,
            {1: make_value(ride="cut")[:-1], 2: make_value(None, ride="null"), 3: make_value(3.0, 1.0, ride="inf")}.get(
                i % 5, make_value(x=float(i), y=500.0, ride=f"ride-{i}", at=i)
            ),
        )
        for i in range(n)
    ]
    outputs, dead_letters = run(make_path(id_field="ride", event_time_field="at"), records)
    assert len(dead_letters) == 3 * n // 5
    for record, value in zip(outputs.records, outputs.values, strict=True):
        prediction = read_prediction(value)
        assert prediction["id"] == f"ride-{record.offset()}"
        assert round(prediction["event_time"].timestamp() * 1000) == record.offset()
        assert prediction["prediction"] == record.offset() + 5000.0


def test_of_several_problems_of_a_record_the_first_feature_is_named():
    models = {1: WeightedSum([Y, X, Feature("ride", Kind.CATEGORICAL, nullable=False, levels=("a",))], [1, 1, 1])}
    _, (letter,) = run(make_path(FixedVersions(models)), [make_record(0, make_value(None))])
    assert letter.detail == "feature 'x' is null, but may not be"


@pytest.mark.parametrize("n", [1, 40])
def test_an_output_that_is_no_finite_number_is_a_dead_letter_and_its_neighbours_are_fine(n):
    records = [make_record(i, make_value(x=3.0, y=float(i))) for i in range(1, n + 1)]
    outputs, (letter,) = run(make_path(), records)
    assert letter.record is records[0]
    assert (letter.reason, letter.version) == (Reason.INVALID_VALUE, 1)
    assert letter.detail == "the model's output is inf, not a finite number"
    assert [read_prediction(v)["prediction"] for v in outputs.values] == [3.0 + 10 * i for i in range(2, n + 1)]


def test_a_multi_class_prediction_has_its_label_and_its_scores():
    outputs, _ = run(make_path(), [make_record(0, make_value(x=2.0, y=3.0), b"3")])
    prediction = read_prediction(outputs.values[0])
    assert (prediction["prediction"], prediction["label"], prediction["scores"]) == (1.0, "b", [5.0, 10.0])


def test_one_class_without_a_finite_score_is_enough_for_a_dead_letter():
    outputs, (letter,) = run(make_path(), [make_record(0, ROWS["unlucky in one class"], b"3")])
    assert len(outputs) == 0
    assert letter.detail == "the model's output is [inf, 26.0], not a finite number"


def test_of_several_pins_the_last_counts_and_an_empty_one_is_a_pin():
    record = StoredRecord(value_=make_value(), headers_=[(PIN_HEADER, b"9"), (PIN_HEADER, b"2")])
    outputs, _ = run(make_path(), [record])
    assert outputs.versions == 2
    null = StoredRecord(value_=make_value(), headers_=[(PIN_HEADER, None)])
    assert run(make_path(), [null])[0].versions == 1


def test_two_selectors_of_one_version_are_scored_together():
    records = [make_record(i, make_value(), pin) for i, pin in enumerate([b"2", None, b"canary", b"1", b"2"])]
    batch = make_path().decode(records)
    assert {part.version.version: part.positions.tolist() for part in batch.parts} == {1: [1, 3], 2: [0, 2, 4]}


def test_what_a_pin_that_names_nothing_said_is_in_the_detail():
    _, (letter,) = run(make_path(), [make_record(0, make_value(), b"\xffnone")])
    assert letter.reason is Reason.UNKNOWN_VERSION
    assert PIN_HEADER in letter.detail
    assert "none" in letter.detail


class Troubled:
    """`Versions` in which pins raise."""

    def __init__(self, error: Exception, *, default: bool = True) -> None:
        self._error = error
        self._default = default

    def resolve(self, selector: str | None = None) -> LiveRoute:
        if selector is None and self._default:
            return LiveRoute((ModelVersion("model", 1, "", WeightedSum([X], [1.0])),))
        raise self._error


def test_a_version_that_may_not_serve_is_unknown_to_its_record_alone():
    records = [make_record(0, make_value(), b"5"), make_record(1, make_value())]
    outputs, (letter,) = run(make_path(Troubled(ModelRejected("sha256 differs"))), records)
    assert (letter.reason, letter.record.offset()) == (Reason.UNKNOWN_VERSION, 0)
    assert "sha256 differs" in letter.detail
    assert [r.offset() for r in outputs.records] == [1]


def test_a_store_that_is_away_is_no_fault_of_the_record():
    with pytest.raises(Unavailable):
        make_path(Troubled(Unavailable("store"))).decode([make_record(0, make_value(), b"5")])


def test_without_a_live_model_nothing_is_a_dead_letter():
    with pytest.raises(ModelNotFound):
        make_path(Troubled(ModelNotFound("no alias"), default=False)).decode([make_record(0, make_value())])


def test_tombstones_are_dead_letters_unless_told_otherwise():
    records = [make_record(0, None), make_record(1, make_value()), make_record(2, None)]
    outputs, dead_letters = run(make_path(), records)
    assert [(d.record.offset(), d.reason) for d in dead_letters] == [(0, Reason.TOMBSTONE), (2, Reason.TOMBSTONE)]
    assert len(outputs) == 1


def test_skipped_tombstones_are_counted():
    batch = make_path(tombstones=Tombstones.SKIP).decode([make_record(0, None), make_record(1, make_value())])
    assert (batch.skipped, len(batch.dead_letters), batch.forwarded) == (1, 0, ())


def test_forwarded_tombstones_keep_their_place_between_predictions():
    records = [make_record(0, None), make_record(1, make_value()), make_record(2, None), make_record(3, make_value())]
    outputs, dead_letters = run(make_path(tombstones=Tombstones.FORWARD), records)
    assert not dead_letters
    assert list(outputs.records) == records
    assert [value is None for value in outputs.values] == [True, False, True, False]


def test_a_batch_of_forwarded_tombstones_alone_needs_no_model():
    path = make_path(Troubled(ModelNotFound("no alias"), default=False), tombstones=Tombstones.FORWARD)
    outputs, _ = run(path, [make_record(0, None)])
    assert list(outputs.values) == [None]


@pytest.mark.parametrize("value", [b"", make_value(x=None), None])
def test_a_batch_of_bad_records_alone_has_no_outputs(value):
    outputs, dead_letters = run(make_path(), [make_record(i, value) for i in range(30)])
    assert len(outputs) == 0
    assert len(dead_letters) == 30


def test_an_alias_that_moves_during_a_batch_changes_nothing_in_it():
    versions = FixedVersions(make_models(), {"production": 1})
    path = make_path(versions)
    batch = path.decode([make_record(i, make_value()) for i in range(3)])
    versions.aliases["production"] = 2
    outputs, _ = path.encode(batch, path.predict(batch))
    assert outputs.versions == 1
    assert run(path, [make_record(9, make_value())])[0].versions == 2


def test_unseen_levels_are_counted_and_scored_as_missing():
    records = [make_record(i, ROWS["unseen level" if i % 2 else "good"], b"2") for i in range(30)]
    path = make_path()
    batch = path.decode(records)
    assert batch.parts[0].unseen.tolist() == [15, 0, 0]
    assert np.isnan(batch.parts[0].features[1::2, 0]).all()
    assert len(path.encode(batch, path.predict(batch))[0]) == 30


def test_features_are_contiguous_also_after_bad_rows_were_taken_out():
    records = [make_record(i, ROWS["null x" if i % 3 else "good"]) for i in range(30)]
    (part,) = make_path().decode(records).parts
    assert part.features.shape == (10, 2)
    assert part.features.flags.c_contiguous
    assert part.features.dtype == np.float64


@pytest.mark.parametrize("shape", [(2,), (3, 1), (3, 2)])
def test_a_model_that_gives_another_number_of_scores_is_rejected(shape):
    class Broken(WeightedSum):
        def predict(self, features: Matrix) -> Scores:
            return np.zeros(shape)

    version = ModelVersion("model", 1, "", Broken([X], [1.0], classes=None))
    with pytest.raises(ModelRejected, match=r"instead of \(3,\)"):
        score(version, np.zeros((3, 1)))
