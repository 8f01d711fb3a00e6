"""Schemas for rows that bring none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.cli.encoding import RowEncoder
from scoreline.cli.inference import infer_schema, record_name
from scoreline.errors import ConfigError


def types_of(rows, *, as_text):
    schema = infer_schema("R", enumerate(rows, 1), as_text=as_text)
    assert all(field["type"][0] == "null" and field["default"] is None for field in schema["fields"])
    return {field["name"]: field["type"][1] for field in schema["fields"]}


def test_text_gets_the_narrowest_type_that_holds_every_cell():
    rows = [
        {"whole": "1", "part": "1", "flag": "true", "word": "x", "mixed": "true", "none": None},
        {"whole": "-2", "part": "2.5", "flag": "False", "word": "1", "mixed": "1", "none": None},
        {"whole": None, "part": "nan", "flag": None, "word": None, "mixed": None, "none": None},
    ]

    assert types_of(rows, as_text=True) == {
        "whole": "long", "part": "double", "flag": "boolean", "word": "string", "mixed": "string", "none": "double",
    }  # fmt: skip


def test_values_keep_their_own_types():
    rows = [{"a": 1, "b": True, "c": "5", "d": None}, {"a": 1.5, "b": None, "c": None, "d": 2**70, "e": 1}]

    assert types_of(rows, as_text=False) == {"a": "double", "b": "boolean", "c": "string", "d": "double", "e": "long"}


def test_a_number_too_long_for_a_long_is_a_double():
    assert types_of([{"a": "9" * 19}], as_text=True) == {"a": "double"}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"a": 1}, {"a": "x"}], "line 2: a: expected a long as in the rows before, but it is 'x'"),
        ([{"a": True}, {"a": 1}], "line 2: a: expected a boolean"),
        ([{"a": [1]}], "line 1: a: a list needs a schema"),
        ([{"no name": 1}], "column 'no name'"),
        ([], "no rows"),
    ],
)
def test_what_has_no_common_type_is_told_with_its_line(rows, expected):
    with pytest.raises(ConfigError) as caught:
        infer_schema("R", enumerate(rows, 1), as_text=False)
    assert expected in str(caught.value)


def test_every_bad_column_is_told():
    with pytest.raises(ConfigError) as caught:
        infer_schema("R", enumerate([{"a": [1], "b": {}, "c d": 1}], 1), as_text=False)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("topic", "name"), [("flight-features", "FlightFeatures"), ("features", "Features"), ("2013.x", "Record2013X")]
)
def test_records_are_named_for_their_topic(topic, name):
    assert record_name(topic) == name


cells = st.one_of(st.none(), st.text(max_size=5), st.integers().map(str), st.floats().map(str), st.booleans().map(str))
values = st.one_of(st.none(), st.integers(), st.floats())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": cells.map(lambda c: c or None)}), min_size=1, max_size=5))
def test_rows_of_text_fit_the_schema_that_is_made_from_them(rows):
    encoder = RowEncoder(infer_schema("R", enumerate(rows, 1), as_text=True), b"", as_text=True)

    assert all(encoder.encode(row) for row in rows)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": values}), min_size=1, max_size=5))
def test_rows_of_numbers_fit_the_schema_that_is_made_from_them(rows):
    encoder = RowEncoder(infer_schema("R", enumerate(rows, 1), as_text=False), b"", as_text=False)

    assert all(encoder.encode(row) for row in rows)
