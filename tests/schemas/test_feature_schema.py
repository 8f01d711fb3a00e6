import math

import numpy as np
import pytest
from fastavro import parse_schema
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.errors import SchemaError
from scoreline.features import UNSEEN, Feature, FeatureSet, Kind
from scoreline.schemas.feature_schema import make_feature_schema
from tests.schemas.payloads import decode_values

FEATURES = FeatureSet(
    (
        Feature("temperature", nullable=False),
        Feature("pressure"),
        Feature("count", Kind.INTEGER, nullable=False),
        Feature("flag", Kind.BOOLEAN),
        Feature("code", Kind.CATEGORICAL),
        Feature("place", Kind.CATEGORICAL, field="origin.place", levels=("Zürich, HB", 'a"b', "東京")),
        Feature("size", Kind.CATEGORICAL, field="origin.size.group", levels=(9, 3, 5), nullable=False),
        Feature("share", Kind.CATEGORICAL, levels=(0.5, 2)),
        Feature("mixed", Kind.CATEGORICAL, levels=("a", 7, True)),
    )
)


def types_of(schema):
    return {field["name"]: field["type"] for field in schema["fields"]}


def test_each_kind_gets_the_type_that_loses_nothing_and_null_where_it_may_be():
    schema = make_feature_schema("wear", FEATURES)
    types = types_of(schema)
    assert types["temperature"] == "double"
    assert types["pressure"] == ["null", "double"]
    assert types["count"] == "long"
    assert types["flag"] == ["null", "boolean"]
    assert types["code"] == ["null", "int"]
    assert types["share"] == ["null", "double"]
    assert types["mixed"] == ["null", "string", "boolean", "long"]
    assert types_of(types["origin"])["place"] == ["null", "string"]
    assert types_of(types_of(types["origin"])["size"])["group"] == "long"
    defaults = {field["name"]: field.get("default", ...) for field in schema["fields"]}
    assert (defaults["pressure"], defaults["temperature"]) == (None, ...)


@pytest.mark.parametrize(
    ("model", "record"), [("wear", "wear"), ("my-model.v2", "my_model_v2"), ("2nd", "_2nd"), ("a--b", "a__b")]
)
def test_the_record_is_called_like_the_model(model, record):
    schema = make_feature_schema(model, FEATURES)
    assert schema["name"] == record
    parse_schema(dict(schema))


def nullable(values):
    return st.none() | values


ROWS = st.fixed_dictionaries(
    {
        "temperature": st.floats(allow_nan=False, allow_infinity=False),
        "pressure": nullable(st.floats(allow_nan=False, allow_infinity=False)),
        "count": st.integers(-(2**63), 2**63 - 1),
        "flag": nullable(st.booleans()),
        "code": nullable(st.integers(0, 2**31 - 1)),
        "place": nullable(st.sampled_from(["Zürich, HB", 'a"b', "東京", "never seen"])),
        "size": st.sampled_from([9, 3, 5, 4]),
        "share": nullable(st.sampled_from([0.5, 2.0, 0.25])),
        "mixed": nullable(st.sampled_from(["a", 7, "b", 8])),
    }
)


def expect(feature, value):
    if value is None:
        return math.nan
    return float(feature.codes.get(value, UNSEEN)) if feature.levels is not None else float(value)


@settings(max_examples=30, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_what_is_written_with_it_is_decoded_to_the_matrix_by_rows_and_by_columns(rows):
    schema = make_feature_schema("wear", FEATURES)
    records = [
        {**row, "origin": {"place": row.pop("place"), "size": {"group": row.pop("size")}}} for row in map(dict, rows)
    ]
    expected = np.array([[expect(f, row[f.name]) for f in FEATURES] for row in rows])
    found = decode_values(schema, records, FEATURES)
    assert np.array(found).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("features", "problem"),
    [
        ([Feature("dep delay")], r'feature \'dep delay\' cannot be called so.*"field": "dep_delay"'),
        ([Feature("x", field="a.2b")], r'"field": "a__2b"'),
        ([Feature("Größe")], r'"field": "Gr__e"'),
        ([Feature("a"), Feature("x", field="a.b")], "is within 'a', which is the value of another feature"),
        ([Feature("x", field="a.b"), Feature("a")], "is to be a value, but others are within it"),
        ([Feature("x", field="a"), Feature("a", Kind.BOOLEAN)], "share the field 'a', but need different types"),
    ],
)
def test_what_no_avro_schema_can_say_is_refused(features, problem):
    with pytest.raises(SchemaError, match=problem):
        make_feature_schema("wear", features)


def test_of_two_features_with_one_field_the_stricter_one_says_whether_it_may_be_null():
    loose, strict = Feature("a"), Feature("b", field="a", nullable=False)
    for features in ([loose, strict], [strict, loose]):
        assert types_of(make_feature_schema("wear", features)) == {"a": "double"}


def test_records_within_have_names_of_their_own():
    features = [Feature("x", field="a.b.c"), Feature("y", field="a_b.c")]
    parse_schema(dict(make_feature_schema("wear", features)))
