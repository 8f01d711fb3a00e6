"""Labels off the wire, whoever wrote them."""

import io

import fastavro
import pytest

from scoreline.records import Reason
from scoreline.schemas.fixed import LABEL_ID, load_fixed
from scoreline.schemas.folder import FolderCatalog
from scoreline.schemas.framing import Framing, prefix_for
from scoreline.schemas.labels import Label, LabelDecoder, UnreadableLabel
from tests.schemas.payloads import HEAD, OneShelf

TIME = {"type": "long", "logicalType": "timestamp-millis"}
KNOWN_AT = 1_735_689_600_000


def make_schema(label, *, record_id="string", **more):
    fields = [{"name": "id", "type": record_id}, {"name": "label", "type": label}]
    fields += [{"name": name, "type": kind} for name, kind in more.items()]
    return {"type": "record", "name": "Truth", "fields": fields}


def decode(schema, row, *, spoil=lambda payload: payload):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), row)
    return LabelDecoder(OneShelf({1: schema}), Framing.CONFLUENT).decode(spoil(HEAD + out.getvalue()))


@pytest.mark.parametrize("framing", Framing)
@pytest.mark.parametrize(("value", "read"), [(1.0, 1.0), ("late", "late"), (None, None)])
def test_the_schema_that_ships_is_read_in_either_frame(framing, value, read, tmp_path):
    schema = load_fixed(LABEL_ID)
    out = io.BytesIO()
    out.write(prefix_for(framing, LABEL_ID, schema))
    fastavro.schemaless_writer(out, schema, {"id": "a", "label": value, "time": KNOWN_AT})

    decoder = LabelDecoder(FolderCatalog(tmp_path), framing)
    assert [decoder.decode(out.getvalue()) for _ in range(2)] == [Label(b"a", read, KNOWN_AT)] * 2


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("double", 0.5, 0.5),
        ("float", 0.5, 0.5),
        ("int", 1, 1.0),
        ("long", 2**40, float(2**40)),
        ("boolean", True, 1.0),
        ("string", "1", "1"),
        (["null", "boolean"], None, None),
        (["null", "long", "string"], "x", "x"),
        ({"type": "enum", "name": "Class", "symbols": ["early", "late"]}, "late", "late"),
    ],
)
def test_a_label_of_any_type_is_read_with_and_without_a_time(kind, value, read):
    assert decode(make_schema(kind), {"id": "a", "label": value}) == Label(b"a", read, None)
    timed = make_schema(kind, time=["null", TIME], note="string")
    assert decode(timed, {"id": "a", "label": value, "time": KNOWN_AT, "note": "x"}) == Label(b"a", read, KNOWN_AT)


def test_ids_are_those_that_predictions_have():
    assert decode(make_schema("int", record_id="long"), {"id": 7, "label": 1}) == Label(b"7", 1.0, None)
    uuid = {"type": "string", "logicalType": "uuid"}
    text = "12345678-1234-5678-1234-567812345678"
    assert decode(make_schema("int", record_id=uuid), {"id": text, "label": 1}) == Label(text.encode(), 1.0, None)


def test_times_in_other_units_become_milliseconds():
    micros = {"type": "long", "logicalType": "timestamp-micros"}
    row = {"id": "a", "label": 1, "time": KNOWN_AT * 1000 + 999}
    assert decode(make_schema("int", time=micros), row).known_at_ms == KNOWN_AT


def test_a_tombstone_is_a_label_that_is_null():
    assert LabelDecoder(OneShelf({}), Framing.CONFLUENT).decode(None).value is None


@pytest.mark.parametrize(
    ("schema", "row", "detail"),
    [
        (make_schema("bytes"), {"id": "a", "label": b"1"}, "the label needs a number, a boolean or a string"),
        (make_schema({"type": "array", "items": "int"}), {"id": "a", "label": [1]}, "the label needs a single value"),
        ({"type": "record", "name": "T", "fields": [{"name": "id", "type": "string"}]}, {"id": "a"}, "'label'"),
        ({"type": "record", "name": "T", "fields": [{"name": "label", "type": "int"}]}, {"label": 1}, "'id'"),
        (make_schema("int", time="string"), {"id": "a", "label": 1, "time": "now"}, "the event time needs"),
    ],
)
def test_a_schema_that_gives_no_labels_says_what_it_lacks(schema, row, detail):
    found = decode(schema, row)
    assert isinstance(found, UnreadableLabel)
    assert (found.reason, detail in found.detail) == (Reason.INCOMPATIBLE_SCHEMA, True), found.detail


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda payload: b"", Reason.UNDECODABLE),
        (lambda payload: b"{}" + payload, Reason.UNDECODABLE),
        (lambda payload: payload[:3], Reason.UNDECODABLE),
        (lambda payload: payload[:-1], Reason.UNDECODABLE),
        (lambda payload: payload + b"x", Reason.UNDECODABLE),
        (lambda payload: b"\x00\x00\x00\x00\x09" + payload[5:], Reason.UNKNOWN_SCHEMA),
    ],
)
def test_what_is_no_label_says_why(spoil, reason):
    found = decode(make_schema("double"), {"id": "a", "label": 1.0}, spoil=spoil)
    assert isinstance(found, UnreadableLabel)
    assert found.reason is reason
    assert found.detail


def test_a_label_of_nobody_is_none():
    found = decode(make_schema("int", record_id=["null", "string"]), {"id": None, "label": 1})
    assert (found.reason, "null" in found.detail) == (Reason.INVALID_VALUE, True)


def test_a_text_that_would_fill_the_memory_is_no_label():
    found = decode(make_schema("string"), {"id": "a", "label": "x" * 257})
    assert (found.reason, "257 characters" in found.detail) == (Reason.INVALID_VALUE, True)
    assert decode(make_schema("string"), {"id": "a", "label": "x" * 256}).value == "x" * 256


def test_a_schema_that_is_not_there_yet_may_still_come():
    shelf = OneShelf({})
    decoder, payload = LabelDecoder(shelf, Framing.CONFLUENT), HEAD + b"\x02a\x02"
    assert decoder.decode(payload).reason is Reason.UNKNOWN_SCHEMA
    shelf.schemas[1] = fastavro.parse_schema(make_schema("int"))
    assert decoder.decode(payload) == Label(b"a", 1.0, None)


def test_a_few_bytes_cannot_fill_the_memory():
    """An array of nothing may claim any number of items."""
    schema = make_schema("int", nothing={"type": "array", "items": "null"})
    shelf = OneShelf({1: schema})
    payload = HEAD + b"\x02a\x02" + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f" + b"\x00"
    found = LabelDecoder(shelf, Framing.CONFLUENT).decode(payload)
    assert found.reason is Reason.UNDECODABLE
