"""Records for people: decoded as far as they can be."""

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.cli.decoding import RecordDescriber, to_json
from scoreline.schemas.fixed import PREDICTION_ID
from scoreline.schemas.folder import FolderCatalog, write_schema
from scoreline.schemas.framing import Framing, prefix_for
from scoreline.transport.record import StoredRecord

SCHEMA = fastavro.parse_schema(
    {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "a", "type": "double"},
            {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        ],
    }
)
ROW = {"a": 1.5, "t": datetime(2013, 7, 1, tzinfo=UTC)}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schemas")
    assert write_schema(folder, "features-value", SCHEMA) == 1
    return FolderCatalog(folder)


def encode(framing=Framing.CONFLUENT):
    out = io.BytesIO()
    out.write(prefix_for(framing, 1, SCHEMA))
    fastavro.schemaless_writer(out, SCHEMA, ROW)
    return out.getvalue()


def describe(catalog, value, framing=Framing.CONFLUENT, **fields):
    described = RecordDescriber(catalog, framing).describe(StoredRecord(value_=value, **fields))
    json.dumps(described)
    return described


@pytest.mark.parametrize("framing", list(Framing))
def test_a_record_is_shown_with_all_that_belongs_to_it(catalog, framing):
    shown = describe(
        catalog,
        encode(framing),
        framing,
        topic_="features",
        partition_=2,
        offset_=7,
        key_=b"k",
        headers_=[("h", b"v"), ("h", None), ("raw", b"\xff")],
        timestamp_ms=1_372_636_800_000,
    )

    assert shown == {
        "topic": "features",
        "partition": 2,
        "offset": 7,
        "timestamp": "2013-07-01T00:00:00+00:00",
        "key": "k",
        "headers": [["h", "v"], ["h", None], ["raw", {"base64": "/w=="}]],
        "value": {"a": 1.5, "t": "2013-07-01T00:00:00+00:00"},
    }


def test_a_tombstone_is_null(catalog):
    shown = describe(catalog, None)

    assert shown["value"] is None
    assert "undecodable" not in shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", "empty"),
        (b"\x01\x02", "framing"),
        (b"\x00\x00\x00\x00\x09", "no schema: "),
        (encode()[:-1], "damaged: field 't' at byte "),
        (encode()[:8], "damaged: field 'a' at byte 5: a double needs 8 bytes, but has 3 bytes"),
        (encode() + b"x", "damaged: 1 byte left over behind the last field"),
        (PREDICTION_ID.to_bytes(5, "big"), "damaged: "),
    ],
)
def test_what_cannot_be_decoded_is_shown_as_such_with_its_bytes(catalog, value, expected):
    shown = describe(catalog, value)

    assert expected in shown["undecodable"]
    assert shown["value"] is None
    assert isinstance(shown["value_base64"], str)


def test_what_is_no_record_is_shown_too(tmp_path):
    text, number = fastavro.parse_schema("string"), fastavro.parse_schema("double")
    for subject, schema in (("texts-value", text), ("numbers-value", number)):
        write_schema(tmp_path, subject, schema)
    catalog = FolderCatalog(tmp_path)

    assert describe(catalog, prefix_for(Framing.CONFLUENT, 1, text) + b"\x04hi")["value"] == "hi"
    assert describe(catalog, prefix_for(Framing.CONFLUENT, 2, number))["undecodable"] == "damaged: it ends too early"


def test_a_payload_that_would_fill_the_memory_is_only_told(tmp_path):
    """Dead letters are looked at with this, so it meets what others have died of."""
    nulls = {"type": "record", "name": "N", "fields": [{"name": "n", "type": {"type": "array", "items": "null"}}]}
    write_schema(tmp_path, "nulls-value", fastavro.parse_schema(nulls))
    payload = b"\x00\x00\x00\x00\x01" + b"\xfe\xff\xff\xff\xff\xff\x0f" + b"\x00"

    assert "items without content" in describe(FolderCatalog(tmp_path), payload)["undecodable"]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40))
def test_no_bytes_can_stop_it(catalog, tail):
    shown = describe(catalog, b"\x00\x00\x00\x00\x01" + tail)

    assert ("undecodable" in shown) != (shown["value"] is not None)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": [b"x", Decimal("1.50")]}, {"a": ["x", "1.50"]}),
        (date(2013, 7, 1), "2013-07-01"),
        (None, None),
    ],
)
def test_values_become_what_json_holds(value, shown):
    assert to_json(value) == shown
