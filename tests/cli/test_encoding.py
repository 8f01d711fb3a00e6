"""Rows to Avro, strictly."""

import io

import fastavro
import pytest

from scoreline.cli.encoding import RowEncoder

SCHEMA = fastavro.parse_schema(
    {
        "type": "record",
        "name": "R",
        "fields": [{"name": "a", "type": "double"}, {"name": "b", "type": ["null", "long"], "default": None}],
    }
)


def decode(payload, prefix):
    assert payload.startswith(prefix)
    return fastavro.schemaless_reader(io.BytesIO(payload[len(prefix) :]), SCHEMA, None)


def test_a_row_is_framed_and_comes_back():
    payload = RowEncoder(SCHEMA, b"\x00\x00\x00\x00\x07", as_text=False).encode({"a": 1, "b": 2})

    assert decode(payload, b"\x00\x00\x00\x00\x07") == {"a": 1.0, "b": 2}


def test_text_is_read_by_the_schema():
    assert decode(RowEncoder(SCHEMA, b"", as_text=True).encode({"a": "1.5", "b": None}), b"") == {"a": 1.5, "b": None}


def test_columns_that_no_field_wants_are_named():
    assert RowEncoder(SCHEMA, b"", as_text=False).left_out({"a": 1, "c": 2}) == ["c"]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, "R.a"),
        ({"a": None}, "R.a"),
        ({"a": "1"}, "R.a is <1> of type <class 'str'> expected double"),
        ({"a": True}, "R.a is <True>"),
        ({"a": 1, "b": 1.5}, "expected long"),
        ({"a": 1, "b": 2**63}, "expected long"),
    ],
)
def test_a_row_that_does_not_fit_is_never_bent(row, expected):
    with pytest.raises(ValueError, match="R") as caught:
        RowEncoder(SCHEMA, b"", as_text=False).encode(row)
    assert expected in str(caught.value)
