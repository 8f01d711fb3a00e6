"""Finding a model's features in a writer's schema, and saying why they are not there."""

import pytest
from fastavro import parse_schema

from scoreline.errors import SchemaIncompatible
from scoreline.features import Feature, FeatureSet, Kind
from scoreline.schemas.plan import make_plan
from tests.schemas.payloads import levelled, numeric, record_of

COLOURS = {"type": "enum", "name": "Colour", "symbols": ["red"]}
INNER = {"type": "record", "name": "Inner", "fields": [{"name": "a", "type": "int"}, {"name": "s", "type": "string"}]}
OTHER = {"type": "record", "name": "Other", "fields": [{"name": "b", "type": "int"}]}
CODES = FeatureSet((Feature("x", Kind.CATEGORICAL),))


def plan(schema, features, **options):
    return make_plan(parse_schema(schema), features, **options)


@pytest.mark.parametrize(
    ("avro_type", "features", "detail"),
    [
        ("string", numeric("x"), "feature 'x' needs a number, but field 'x' is string"),
        (["null", "string"], numeric("x"), "feature 'x' needs a number, but field 'x' is string"),
        (COLOURS, numeric("x"), "feature 'x' needs a number, but field 'x' is enum"),
        ("bytes", numeric("x"), "feature 'x' needs a number, but field 'x' is bytes"),
        ({"type": "fixed", "name": "F", "size": 3}, numeric("x"), "feature 'x' needs a number, but field 'x' is fixed"),
        ({"type": "string", "logicalType": "uuid"}, numeric("x"), "a number, but field 'x' is string (uuid)"),
        (["int", "string"], numeric("x"), "feature 'x' needs a number, but field 'x' is string"),
        ("string", CODES, "feature 'x' needs a level list to take texts, or else a number, but field 'x' is string"),
        (COLOURS, CODES, "needs a level list to take texts"),
        ("string", levelled("x", 1, 2), "needs a number, because all its levels are numbers, but field 'x' is string"),
        ("int", levelled("x", "1"), "needs a text, because all its levels are texts, but field 'x' is int"),
        ("bytes", levelled("x", "a"), "feature 'x' needs a text or a number, but field 'x' is bytes"),
        ({"type": "array", "items": "int"}, numeric("x"), "needs a single value, but field 'x' is an array"),
        ({"type": "map", "values": "int"}, numeric("x"), "needs a single value, but field 'x' is a map"),
        (INNER, numeric("x"), "feature 'x' needs a single value, but field 'x' is a record"),
        (INNER, numeric("x.c"), "feature 'x.c' needs the field 'x.c', but its record 'x' has no field 'c'"),
        (INNER, numeric("x.a.b"), "needs the field 'x.a.b', but what should hold 'b' is int"),
        (["null", INNER, OTHER], numeric("x.a"), "needs the field 'x.a', but its record 'x' has no field 'a'"),
        ({"type": "map", "values": "int"}, numeric("x.a"), "but what should hold 'a' is a map"),
        ("double", numeric("z"), "feature 'z' needs the field 'z', but the writer's schema has no field 'z'"),
    ],
)
def test_a_schema_that_does_not_fit_is_incompatible_and_says_why(avro_type, features, detail):
    with pytest.raises(SchemaIncompatible) as raised:
        plan(record_of(x=avro_type), features)
    assert detail in str(raised.value)


@pytest.mark.parametrize("schema", ["int", ["null", record_of(x="int")], {"type": "array", "items": "int"}, COLOURS])
def test_a_schema_that_is_no_record_is_incompatible(schema):
    with pytest.raises(SchemaIncompatible, match="is no record"):
        plan(schema, numeric("x"))


@pytest.mark.parametrize(
    ("avro_type", "detail"),
    [
        ("double", "the event time needs a timestamp, a date or milliseconds as a long, but field 'at' is double"),
        ("string", "but field 'at' is string"),
        ({"type": "int", "logicalType": "time-millis"}, "but field 'at' is int (time-millis)"),
        ({"type": "long", "logicalType": "time-micros"}, "but field 'at' is long (time-micros)"),
        (
            [{"type": "int", "logicalType": "date"}, {"type": "long", "logicalType": "timestamp-millis"}],
            "the event time needs one unit, but field 'at' has several",
        ),
    ],
)
def test_an_event_time_that_is_no_instant_is_incompatible(avro_type, detail):
    with pytest.raises(SchemaIncompatible) as raised:
        plan(record_of(x="int", at=avro_type), numeric("x"), event_time_field="at")
    assert detail in str(raised.value)


@pytest.mark.parametrize(
    "avro_type",
    [
        "double",
        "boolean",
        "float",
        {"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 0},
        {"type": "fixed", "name": "F", "size": 16},
        {"type": "fixed", "name": "F", "size": 12, "logicalType": "uuid"},
    ],
)
def test_an_id_that_is_no_text_or_integer_is_incompatible(avro_type):
    with pytest.raises(SchemaIncompatible, match="the id needs a string, an integer or a UUID, but field 'key' is"):
        plan(record_of(x="int", key=avro_type), numeric("x"), id_field="key")


def test_a_field_is_found_by_an_alias_of_the_writer():
    schema = record_of(x="int")
    schema["fields"].append({"name": "temperature", "type": "double", "aliases": ["temp", "t"]})
    (column,) = plan(schema, numeric("t")).columns
    assert column.place.path == ("temperature",)


def test_a_name_goes_before_an_alias():
    schema = record_of()
    schema["fields"] = [{"name": "a", "type": "int", "aliases": ["b"]}, {"name": "b", "type": "int"}]
    (column,) = plan(schema, numeric("b")).columns
    assert column.place.path == ("b",)


def test_an_alias_leads_on_within_a_path():
    schema = record_of()
    inner = {"type": "record", "name": "In", "fields": [{"name": "value", "type": "int", "aliases": ["v"]}]}
    schema["fields"] = [{"name": "sensor", "type": ["null", inner], "aliases": ["s"]}]
    (column,) = plan(schema, numeric("s.v")).columns
    assert column.place.path == ("sensor", "value")


def test_an_optional_feature_may_be_missing_at_any_step_of_its_path():
    features = FeatureSet((Feature("a", field="x.q", optional=True), Feature("b", field="q.x", optional=True)))
    assert plan(record_of(x=INNER), features).columns == ()


def test_an_optional_feature_of_the_wrong_type_is_still_incompatible():
    with pytest.raises(SchemaIncompatible, match="needs a number"):
        plan(record_of(x="string"), FeatureSet((Feature("x", optional=True),)))


@pytest.mark.parametrize(
    ("avro_type", "takes_columns", "is_hostile"),
    [
        ("int", True, False),
        (["null", INNER, "string"], True, False),
        ({"type": "array", "items": "int"}, False, False),
        ({"type": "map", "values": "null"}, False, False),
        ({"type": "array", "items": "null"}, False, True),
        ({"type": "array", "items": {"type": "record", "name": "Empty", "fields": []}}, False, True),
        ({"type": "record", "name": "N", "fields": [{"name": "n", "type": ["null", "N"]}]}, False, True),
    ],
)
def test_the_shape_decides_how_a_schema_is_decoded(avro_type, takes_columns, is_hostile):
    found = plan(record_of(x="int", y=avro_type), numeric("x"))
    assert (found.takes_columns, found.is_hostile) == (takes_columns, is_hostile)


def test_a_decimal_of_absurd_scale_is_incompatible():
    huge = {"type": "bytes", "logicalType": "decimal", "precision": 10**9, "scale": 10**9}
    with pytest.raises(SchemaIncompatible, match="scale has to be from 0 to 1000"):
        plan(record_of(x=huge), numeric("x"))
