"""CSV cells by the type of their field."""

from datetime import datetime

import fastavro
import pytest

from scoreline.cli.cells import read_cells


def read(cell, avro_type):
    schema = fastavro.parse_schema({"type": "record", "name": "R", "fields": [{"name": "f", "type": avro_type}]})
    return read_cells({"f": cell}, schema)["f"]


@pytest.mark.parametrize(
    ("cell", "avro_type", "value"),
    [
        ("5", "int", 5),
        ("-5", "long", -5),
        ("5", "double", 5.0),
        ("1e3", "float", 1000.0),
        ("nan", "double", pytest.approx(float("nan"), nan_ok=True)),
        ("True", "boolean", True),
        ("0", "boolean", False),
        ("5", "string", "5"),
        (None, "string", ""),
        (None, ["null", "double"], None),
        (None, ["double", "null"], None),
        ("5", ["null", "long", "string"], 5),
        ("five", ["null", "long", "string"], "five"),
        ("x", "bytes", b"x"),
        ("[1, 2]", {"type": "array", "items": "long"}, [1, 2]),
        ('{"k": 1}', {"type": "map", "values": "long"}, {"k": 1}),
        ("A", {"type": "enum", "name": "E", "symbols": ["A"]}, "A"),
        ("1700000000000", {"type": "long", "logicalType": "timestamp-millis"}, 1_700_000_000_000),
        ("2013-07-01T05:00:00+00:00", {"type": "long", "logicalType": "timestamp-millis"},
         datetime.fromisoformat("2013-07-01T05:00:00+00:00")),
    ],
)  # fmt: skip
def test_a_cell_becomes_a_value_of_its_type(cell, avro_type, value):
    found = read(cell, avro_type)

    assert found == value
    assert type(found) is type(value) or isinstance(value, type(pytest.approx(0)))


@pytest.mark.parametrize(
    ("cell", "avro_type", "expected"),
    [
        ("5.5", "long", "f: expected long, but it is '5.5'"),
        ("NA", ["null", "double"], "f: expected null or double, but it is 'NA'"),
        ("yes", "boolean", "f: expected boolean, but it is 'yes'"),
        (None, "double", "f: expected double, but the cell is empty"),
        ("soon", {"type": "long", "logicalType": "timestamp-millis"}, "f: expected long, but it is 'soon'"),
        ("{", {"type": "map", "values": "long"}, "f: expected map"),
    ],
)
def test_a_cell_of_another_type_is_told_with_its_field(cell, avro_type, expected):
    with pytest.raises(ValueError, match="f: ") as caught:
        read(cell, avro_type)
    assert str(caught.value).startswith(expected)


def test_columns_without_a_field_are_left_out_and_absent_ones_left_to_defaults():
    schema = {"fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "long", "default": 7}]}

    assert read_cells({"a": "1", "c": "2"}, schema) == {"a": 1}
