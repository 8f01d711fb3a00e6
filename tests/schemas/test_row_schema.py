import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from scoreline.errors import InvalidInstances
from scoreline.features import MAX_CODE, Feature, FeatureSet, Kind
from scoreline.schemas.json_rows import JsonRows
from scoreline.schemas.row_schema import SKIPPED, describe_feature, make_row_schema

LEVELS = [("UA", "AA"), (3, 5, 2.5), (True, False), ("x", 3, True), ()]
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([MAX_CODE, MAX_CODE + 1, 2**53 + 1, 1e300, "3", "UA", "x", {}, [], [1]])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
)


@st.composite
def make_feature(draw, name):
    nullable = draw(st.booleans())
    kind = draw(st.sampled_from(Kind))
    levels = draw(st.none() | st.sampled_from(LEVELS)) if kind is Kind.CATEGORICAL else None
    return Feature(name, kind, nullable=nullable, levels=levels)


FEATURES = st.tuples(make_feature("a"), make_feature("b.c"), make_feature("é")).map(FeatureSet)
ROWS = st.dictionaries(st.sampled_from(["a", "b.c", "é", "other", "strange"]), VALUES)


def takes(features, row, **options):
    """Whether a row gets as far as the model."""
    body = json.dumps({"instances": [row]}).encode()
    try:
        return not features.settle(JsonRows(features, **options).decode(body, max_instances=1)).problems
    except InvalidInstances:
        return False


@pytest.mark.slow
@settings(max_examples=300)
@given(FEATURES, ROWS)
def test_what_the_schema_allows_is_what_is_scored(features, row):
    schema = make_row_schema(features, ["other"])
    Draft202012Validator.check_schema(schema)
    allowed = Draft202012Validator(schema).is_valid(row)
    assert allowed == takes(features, row, also_known=frozenset({"other"}))


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        (Feature("a", nullable=False), {"type": "number"}),
        (Feature("a"), {"type": ["number", "null"]}),
        (Feature("a", Kind.INTEGER), {"type": ["integer", "null"]}),
        (Feature("a", Kind.BOOLEAN, nullable=False), {"type": "boolean"}),
    ],
)
def test_a_feature_is_told_with_its_kind(feature, expected):
    assert describe_feature(feature) == expected


def test_levels_are_listed_and_others_are_said_to_count_as_null():
    described = describe_feature(Feature("a", Kind.CATEGORICAL, nullable=False, levels=("UA", "AA")))
    listed, others = described["anyOf"]
    assert listed == {"enum": ["UA", "AA"]}
    assert (others["type"], "counts as null" in others["description"]) == (["string"], True)


def test_what_only_other_versions_know_is_said_to_be_skipped():
    schema = make_row_schema(FeatureSet((Feature("a"),)), ["b", "a"])
    assert schema["properties"] == {"a": {"type": ["number", "null"]}, "b": {"description": SKIPPED}}
