"""Settling against the contract's rules, read value by value."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoreline.features import UNSEEN, Detail, Feature, FeatureSet, Kind
from scoreline.records import Reason

KINDS = st.sampled_from([Kind.NUMERIC, Kind.INTEGER, Kind.BOOLEAN, Kind.CATEGORICAL])
VALUES = st.one_of(
    st.sampled_from(
        [0.0, -0.0, 1.0, 2.0, UNSEEN, 0.5, 2.0**31 - 1, 2.0**31, math.nan, math.inf, -math.inf, 1e308, -1e308]
    ),
    st.floats(allow_nan=False),
)


@st.composite
def features_and_rows(draw):
    kinds = draw(st.lists(st.tuples(KINDS, st.booleans(), st.booleans()), min_size=1, max_size=5))
    features = [
        Feature(f"f{i}", kind, nullable=nullable, levels=("a", "b") if levelled and kind is Kind.CATEGORICAL else None)
        for i, (kind, nullable, levelled) in enumerate(kinds)
    ]
    rows = draw(st.lists(st.lists(VALUES, min_size=len(kinds), max_size=len(kinds)), min_size=1, max_size=4))
    return FeatureSet(tuple(features)), rows


def judge(feature: Feature, value: float) -> Reason | None:
    """The contract's word on one value."""
    if math.isnan(value):
        return None if feature.nullable else Reason.MISSING_FEATURE
    if math.isinf(value):
        return Reason.INVALID_VALUE
    if feature.kind is Kind.NUMERIC or feature.levels is not None:
        return None
    highest = {Kind.BOOLEAN: 1.0, Kind.CATEGORICAL: 2.0**31 - 1}.get(feature.kind)
    inside = highest is None or 0 <= value <= highest
    return None if inside and value == math.floor(value) else Reason.INVALID_VALUE


@pytest.mark.slow
@given(features_and_rows())
def test_settling_finds_exactly_the_values_that_the_contract_forbids(case):
    """Each bad value is found with its reason, each good one is left alone, each unseen level becomes a null."""
    features, rows = case
    matrix = np.array(rows, dtype=np.float64)
    settled = features.settle(matrix, Detail(rows=len(rows), problems=len(features)))
    expected = {
        (r, feature.name, reason)
        for r, row in enumerate(rows)
        for feature, value in zip(features, row, strict=True)
        if (reason := judge(feature, value)) is not None
    }
    assert {(p.row, p.feature.name, p.reason) for p in settled.problems} == expected
    bad = {row for row, _, _ in expected}
    for i, feature in enumerate(features):
        unseen = [feature.levels is not None and row[i] == UNSEEN for row in rows]
        assert settled.unseen[i] == sum(lost for row, lost in enumerate(unseen) if row not in bad)
        after = [math.nan if lost else row[i] for lost, row in zip(unseen, rows, strict=True)]
        np.testing.assert_array_equal(matrix[:, i], after)
