"""Batches: framings, several schemas at once, what the catalog says, and what is remembered."""

import numpy as np
import pytest

from scoreline.errors import SchemaError, SchemaNotFound, Unavailable
from scoreline.features import Feature, FeatureSet, Kind
from scoreline.records import Reason
from scoreline.schemas import decoder as decoder_module
from scoreline.schemas.decoded import Rejected
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.framing import Framing, fingerprint_of
from tests.schemas.payloads import (
    ENOUGH_FOR_COLUMNS,
    HEAD,
    OneShelf,
    encode,
    make_decoder,
    numeric,
    record_of,
)

PLAIN = record_of(x="double", y="int")
WIDER = record_of(extra="string", y=["null", "long"], x="float", more={"type": "array", "items": "int"})
REORDERED = record_of(y="long", extra=["null", "string"], x="double")
LACKING = record_of(y="int")
XY = numeric("x", "y")
SIZES = (1, ENOUGH_FOR_COLUMNS - 1, ENOUGH_FOR_COLUMNS, 3 * ENOUGH_FOR_COLUMNS)


def head(schema_id: int) -> bytes:
    return b"\x00" + schema_id.to_bytes(4, "big")


def make_shelf() -> OneShelf:
    return OneShelf({1: PLAIN, 2: WIDER, 3: REORDERED, 4: LACKING})


def encode_as(schema_id: int, x: float, y: int) -> bytes:
    schema = {1: PLAIN, 2: WIDER, 3: REORDERED, 4: LACKING}[schema_id]
    return encode(schema, {"x": x, "y": y, "extra": "e", "more": [1, 2]}, head(schema_id))


def test_an_empty_batch_gives_nothing():
    decoded = make_decoder(PLAIN).decode([], XY)
    assert decoded.features.shape == (0, 2)
    assert decoded.rows.tolist() == []
    assert decoded.rejected == []


@pytest.mark.parametrize("size", SIZES)
def test_the_matrix_has_the_features_in_the_models_order(size):
    payloads = [encode_as(1, i / 2, i) for i in range(size)]
    decoded = make_decoder(PLAIN).decode(payloads, numeric("y", "x"))
    assert decoded.features.tolist() == [[float(i), i / 2] for i in range(size)]
    assert decoded.features.flags.c_contiguous
    assert decoded.features.dtype == np.float64
    assert decoded.rows.tolist() == list(range(size))
    assert decoded.ids is None
    assert decoded.event_times_ms is None


@pytest.mark.parametrize("size", SIZES)
def test_writers_with_more_fewer_reordered_and_promoted_fields_share_a_batch(size):
    """Every record is read by the schema it was written with, and stays in its place."""
    payloads = [encode_as(1 + i % 3, i / 4, i) for i in range(size)]
    decoded = PayloadDecoder(make_shelf(), framing=Framing.CONFLUENT).decode(payloads, XY)
    assert decoded.features.tolist() == [[i / 4, float(i)] for i in range(size)]
    assert decoded.rows.tolist() == list(range(size))


@pytest.mark.parametrize("size", SIZES)
def test_each_kind_of_bad_record_is_rejected_in_its_place_for_its_reason(size):
    payloads = []
    for i in range(size):
        payloads += [
            encode_as(1, i, 7),
            None,
            b"",
            b"\x00\x00\x00",
            b'{"x": 1}',
            head(99) + b"\x00",
            encode_as(4, i, 7),
            encode_as(1, i, 7)[:-1],
            encode_as(2, i, 7),
        ]
    decoded = PayloadDecoder(make_shelf(), framing=Framing.CONFLUENT).decode(payloads, XY)

    reasons = [
        Reason.TOMBSTONE,
        Reason.UNDECODABLE,
        Reason.UNDECODABLE,
        Reason.UNDECODABLE,
        Reason.UNKNOWN_SCHEMA,
        Reason.INCOMPATIBLE_SCHEMA,
        Reason.UNDECODABLE,
    ]
    assert [(one.row, one.reason) for one in decoded.rejected] == [
        (9 * i + 1 + k, reason) for i in range(size) for k, reason in enumerate(reasons)
    ]
    assert decoded.rows.tolist() == [row for i in range(size) for row in (9 * i, 9 * i + 8)]
    assert decoded.features.tolist() == [[float(i), 7.0] for i in range(size) for _ in range(2)]


def test_a_batch_after_the_usual_ones_may_be_anything():
    """What the batches before were like is only a guess about the next."""
    many = 2 * ENOUGH_FOR_COLUMNS
    decoder = PayloadDecoder(make_shelf(), framing=Framing.CONFLUENT)
    usual = [encode_as(1, i, i) for i in range(many)]
    for changed in (None, b"", b"\x00", usual[0][:4], encode_as(3, 5.0, 5), head(99)):
        for size in (2, many):
            decoder.decode(usual[:size], XY)
            decoded = decoder.decode([*usual[: size - 1], changed], XY)
            assert len(decoded.rows) == size - (changed is None or len(changed) < 6)
            decoded = decoder.decode([changed, *usual[: size - 1]], XY)
            assert len(decoded.rows) == size - (changed is None or len(changed) < 6)


@pytest.mark.parametrize("short", [b"", b"\x00", b"\x00\x00\x00\x00"])
def test_a_value_shorter_than_its_frame_is_not_completed_by_its_neighbour(short):
    """What stands behind it in memory is the next record's frame, which fits."""
    schema = record_of(x="double")
    decoder = PayloadDecoder(OneShelf({0: schema}), framing=Framing.CONFLUENT)
    good = encode(schema, {"x": 1.5}, head(0))
    alone = decoder.decode([short], numeric("x")).rejected
    assert f"{len(short)} bytes, but" in alone[0].detail or alone[0].detail == "the value is empty"

    features = numeric("x")
    decoder.decode([good] * ENOUGH_FOR_COLUMNS, features)
    among = decoder.decode([short, *[good] * ENOUGH_FOR_COLUMNS, short, good], features)
    assert [one[1:] for one in among.rejected] == [alone[0][1:]] * 2


@pytest.mark.parametrize("size", SIZES)
def test_single_object_frames_name_their_schema_by_its_fingerprint(size):
    shelf = make_shelf()
    heads = {n: b"\xc3\x01" + fingerprint_of(schema) for n, schema in shelf.schemas.items()}
    payloads = [heads[1 + 2 * (i % 2)] + encode_as(1 + 2 * (i % 2), i, i)[5:] for i in range(size)]
    decoder = PayloadDecoder(shelf, framing=Framing.SINGLE_OBJECT)
    for _ in range(2):
        decoded = decoder.decode([*payloads, heads[1][:9], b"\xc3\x01" + bytes(8), b"\x00" * 20, payloads[0][:-1]], XY)
        assert decoded.features.tolist() == [[float(i), float(i)] for i in range(size)]
        assert [one.reason for one in decoded.rejected] == [
            Reason.UNDECODABLE,
            Reason.UNKNOWN_SCHEMA,
            Reason.UNDECODABLE,
            Reason.UNDECODABLE,
        ]
        assert len(decoder.decode(payloads[::2], XY).rows) == len(payloads[::2])


def test_an_incompatible_schema_says_what_is_needed_and_what_is_there():
    decoded = PayloadDecoder(make_shelf(), framing=Framing.CONFLUENT).decode([encode_as(4, 0, 1)], XY)
    detail = "feature 'x' needs the field 'x', but the writer's schema has no field 'x'"
    assert decoded.rejected == [Rejected(0, Reason.INCOMPATIBLE_SCHEMA, detail)]


def test_an_optional_feature_without_a_field_is_null():
    features = FeatureSet((Feature("z", optional=True), Feature("x"), Feature("w.v", optional=True)))
    for size in SIZES:
        decoded = make_decoder(PLAIN).decode([encode_as(1, 2.5, 1)] * size, features)
        assert np.array_equal(decoded.features, [[np.nan, 2.5, np.nan]] * size, equal_nan=True)


def test_features_that_are_all_optional_and_missing_still_make_rows():
    features = FeatureSet((Feature("z", optional=True),))
    for size in SIZES:
        decoded = make_decoder(PLAIN).decode([encode_as(1, 2.5, 1)] * size, features)
        assert decoded.features.shape == (size, 1)
        assert np.isnan(decoded.features).all()


def test_a_schema_is_asked_for_once_for_each_set_of_features():
    shelf = make_shelf()
    decoder = PayloadDecoder(shelf, framing=Framing.CONFLUENT)
    other = numeric("y")
    for _ in range(5):
        decoder.decode([encode_as(1, 1, 1)], XY)
        decoder.decode([encode_as(1, 1, 1)], other)
        decoder.decode([encode_as(4, 1, 1)], XY)
    assert shelf.asked == 3


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(decoder_module, "MAX_READERS", 4)
    shelf = make_shelf()
    decoder = PayloadDecoder(shelf, framing=Framing.CONFLUENT)
    sets = [numeric("x", "y") for _ in range(6)]
    for _ in range(2):
        for features in sets:
            assert decoder.decode([encode_as(1, 1, 2)], features).features.tolist() == [[1.0, 2.0]]
    assert len(decoder._readers) == 4
    assert shelf.asked == 12


def test_what_was_made_for_features_goes_after_them():
    """A reader holds tables of every level: one for each version that ever was live is what memory would grow by."""
    shelf = make_shelf()
    decoder = PayloadDecoder(shelf, framing=Framing.CONFLUENT)
    for _ in range(5):
        features = numeric("x", "y")
        decoder.decode([encode_as(1, 1, 2)], features)
    assert shelf.asked == 5
    assert (len(decoder._readers), len(decoder._usual)) == (1, 1)


def test_features_that_are_given_the_identity_of_others_are_not_taken_for_them():
    decoder, payload = PayloadDecoder(make_shelf(), framing=Framing.CONFLUENT), encode_as(1, 1, 2)
    gone = numeric("x")
    decoder.decode([payload], gone)
    known, usual = dict(decoder._readers), dict(decoder._usual)
    del gone
    fresh = numeric("y")
    decoder._readers = {(key, id(fresh)): entry for (key, _), entry in known.items()}
    decoder._usual = {id(fresh): entry for entry in usual.values()}
    assert decoder.decode([payload], fresh).features.tolist() == [[2.0]]


def test_equal_features_of_another_version_are_planned_for_themselves():
    """Plans are kept by identity: equal sets are two versions, and comparing sets would cost more than planning."""
    decoder = make_decoder(record_of("string"))
    payload = encode(record_of("string"), {"f0": "b"})
    for levels, code in ((("a", "b"), 1.0), (("b", "a"), 0.0)):
        features = FeatureSet((Feature("f0", Kind.CATEGORICAL, levels=levels),))
        assert decoder.decode([payload], features).features.tolist() == [[code]]


class Failing(OneShelf):
    """Raises what it is told to, as long as it is told to."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__({1: PLAIN})
        self.error = error

    def find_writer(self, schema_id: int):
        if self.error is not None:
            raise self.error
        return super().find_writer(schema_id)


def test_a_registry_that_is_away_is_no_fault_of_the_record():
    decoder = PayloadDecoder(Failing(Unavailable("connection refused")), framing=Framing.CONFLUENT)
    with pytest.raises(Unavailable):
        decoder.decode([encode_as(1, 1, 1)], XY)


def test_an_unknown_schema_is_asked_for_again():
    shelf = Failing(SchemaNotFound("there is no schema 1"))
    decoder = PayloadDecoder(shelf, framing=Framing.CONFLUENT)
    assert decoder.decode([encode_as(1, 1, 1)], XY).rejected == [
        Rejected(0, Reason.UNKNOWN_SCHEMA, "there is no schema 1")
    ]
    shelf.error = None
    assert decoder.decode([encode_as(1, 1, 1)], XY).features.tolist() == [[1.0, 1.0]]


def test_a_schema_that_is_no_avro_is_incompatible():
    decoder = PayloadDecoder(Failing(SchemaError("not a valid Avro schema: what is this")), framing=Framing.CONFLUENT)
    (rejected,) = decoder.decode([encode_as(1, 1, 1)], XY).rejected
    assert (rejected.reason, rejected.detail) == (
        Reason.INCOMPATIBLE_SCHEMA,
        "not a valid Avro schema: what is this",
    )


@pytest.mark.parametrize("size", SIZES)
def test_ids_and_event_times_follow_their_rows_through_a_mixed_batch(size):
    first, second = record_of(k="string", at="long", x="double"), record_of(x="double", at="long", k=["null", "long"])
    decoder = PayloadDecoder(
        OneShelf({1: first, 2: second}), framing=Framing.CONFLUENT, id_field="k", event_time_field="at"
    )
    payloads = []
    for i in range(size):
        payloads.append(encode(first, {"k": f"a{i}", "at": i, "x": i}, head(1)))
        payloads.append(encode(second, {"k": None if i % 2 else i, "at": -i, "x": -i}, head(2)))
    decoded = decoder.decode([*payloads, HEAD], numeric("x"))
    assert decoded.ids == [v for i in range(size) for v in (b"a%d" % i, None if i % 2 else b"%d" % i)]
    assert decoded.event_times_ms == [v for i in range(size) for v in (i, -i)]
    assert len(decoded.rejected) == 1


def test_an_id_field_that_the_writer_lacks_is_incompatible():
    decoder = make_decoder(PLAIN, id_field="key")
    (rejected,) = decoder.decode([encode_as(1, 1, 1)], XY).rejected
    assert rejected.reason is Reason.INCOMPATIBLE_SCHEMA
    assert rejected.detail == "the id needs the field 'key', but the writer's schema has no field 'key'"


def test_ids_and_event_times_are_lists_even_when_every_record_is_bad():
    decoder = make_decoder(PLAIN, id_field="y", event_time_field="y")
    decoded = decoder.decode([b"", None], XY)
    assert decoded.ids == []
    assert decoded.event_times_ms == []
    assert decoded.features.shape == (0, 2)
