"""The rules that every value obeys, against the contract spelled out value by value."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.features import (
    FIRST_OF_EACH_ROW,
    MAX_CODE,
    UNSEEN,
    Detail,
    Feature,
    FeatureSet,
    Kind,
    ValueProblem,
)
from scoreline.records import Reason

NULL = math.nan
LEVELS = ("JFK", "LGA", "EWR")
EVERYTHING = Detail(rows=100, problems=100)


def judge(feature: Feature, value: float) -> Reason | None:
    """What the contract says of one raw value."""
    if math.isnan(value):
        return None if feature.nullable else Reason.MISSING_FEATURE
    if math.isinf(value):
        return Reason.INVALID_VALUE
    if feature.levels is not None:
        return None
    allowed = {
        Kind.NUMERIC: True,
        Kind.INTEGER: value.is_integer(),
        Kind.BOOLEAN: value in (0.0, 1.0),
        Kind.CATEGORICAL: value.is_integer() and 0 <= value <= MAX_CODE,
    }
    return None if allowed[feature.kind] else Reason.INVALID_VALUE


kinds = st.sampled_from(Kind)
features = st.builds(
    lambda kind, nullable, levelled: Feature(
        "x", kind, nullable=nullable, levels=LEVELS if levelled and kind is Kind.CATEGORICAL else None
    ),
    kinds,
    st.booleans(),
    st.booleans(),
)
values = st.sampled_from(
    [NULL, math.inf, -math.inf, 0.0, -0.0, 1.0, 2.0, -1.0, 0.5, 1e300, -7.0, float(MAX_CODE), MAX_CODE + 1.0, 5e-324]
)


@st.composite
def matrices(draw) -> tuple[FeatureSet, np.ndarray]:
    columns = draw(st.lists(features, min_size=0, max_size=5))
    named = FeatureSet(
        tuple(Feature(f"f{i}", f.kind, "", f.nullable, f.optional, f.levels) for i, f in enumerate(columns))
    )
    rows = draw(st.integers(0, 6))
    cells = [
        [
            draw(st.sampled_from([NULL, math.inf, -math.inf, UNSEEN, 0.0, 2.0])) if f.levels else draw(values)
            for f in named
        ]
        for _ in range(rows)
    ]
    return named, np.array(cells, dtype=np.float64).reshape(rows, len(named))


@pytest.mark.slow
@settings(max_examples=80)
@given(matrices())
def test_a_matrix_is_judged_as_its_values_are_one_by_one(given_matrix):
    named, matrix = given_matrix
    before = matrix.copy()
    settled = named.settle(matrix, EVERYTHING)
    expected = [
        (row, feature.name, reason)
        for row in range(len(before))
        for column, feature in enumerate(named)
        if (reason := judge(feature, float(before[row, column]))) is not None
    ]
    assert [(p.row, p.feature.name, p.reason) for p in settled.problems] == expected
    kept = np.setdiff1d(np.arange(len(before)), [row for row, _, _ in expected])
    for column, feature in enumerate(named):
        unseen = (before[:, column] == UNSEEN) & (feature.levels is not None)
        assert settled.unseen[column] == unseen[kept].sum()
        np.testing.assert_array_equal(matrix[:, column], np.where(unseen, NULL, before[:, column]))


@settings(max_examples=30)
@given(matrices())
def test_a_row_is_judged_alike_whatever_stands_beside_it(given_matrix):
    named, matrix = given_matrix
    together = named.settle(matrix.copy(), EVERYTHING).problems
    alone = [
        (row, p.feature.name, p.detail)
        for row in range(len(matrix))
        for p in named.settle(matrix[row : row + 1].copy(), EVERYTHING).problems
    ]
    assert [(p.row, p.feature.name, p.detail) for p in together] == alone


@settings(max_examples=60)
@given(matrices(), st.integers(0, 4), st.integers(1, 4))
def test_what_is_told_is_the_beginning_of_what_there_is(given_matrix, rows, problems):
    """Of the first bad rows so many problems, of each other one the first: no bad row is missed."""
    named, matrix = given_matrix
    found: dict[int, list[ValueProblem]] = {}
    for each in named.settle(matrix.copy(), EVERYTHING).problems:
        found.setdefault(each.row, []).append(each)
    expected = [each for i, of_row in enumerate(found.values()) for each in of_row[: problems if i < rows else 1]]
    assert list(named.settle(matrix.copy(), Detail(rows, problems)).problems) == expected
    assert list(named.settle(matrix).problems) == [of_row[0] for of_row in found.values()]


def test_countless_problems_take_no_memory():
    named = FeatureSet(tuple(Feature(f"f{i}", nullable=False) for i in range(300)))
    matrix = np.full((2000, 300), NULL)
    tracemalloc.start()
    try:
        assert len(named.settle(matrix, Detail(rows=100, problems=32)).problems) == 100 * 32 + 1900
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * matrix.nbytes


def test_an_unseen_level_of_a_feature_that_may_not_be_null_is_scored_as_missing_and_counted():
    feature = Feature("origin", Kind.CATEGORICAL, nullable=False, levels=LEVELS)
    matrix = np.array([[UNSEEN], [1.0], [UNSEEN]])
    settled = FeatureSet((feature,)).settle(matrix)
    assert not settled.problems
    assert settled.unseen.tolist() == [2]
    assert np.isnan(matrix[[0, 2], 0]).all()


@pytest.mark.parametrize("detail", [FIRST_OF_EACH_ROW, Detail(rows=1, problems=2)])
def test_unseen_levels_are_counted_only_in_rows_that_are_kept(detail):
    features = FeatureSet((Feature("x", nullable=False), Feature("origin", Kind.CATEGORICAL, levels=LEVELS)))
    matrix = np.array([[1.0, UNSEEN], [np.nan, UNSEEN], [np.inf, UNSEEN], [np.nan, 0.0], [2.0, UNSEEN]])
    settled = features.settle(matrix, detail)
    assert {problem.row for problem in settled.problems} == {1, 2, 3}
    assert settled.unseen.tolist() == [0, 2]


def test_a_null_of_such_a_feature_is_a_problem_nevertheless():
    feature = Feature("origin", Kind.CATEGORICAL, nullable=False, levels=LEVELS)
    (problem,) = FeatureSet((feature,)).settle(np.array([[UNSEEN], [NULL]])).problems
    assert (problem.row, problem.reason) == (1, Reason.MISSING_FEATURE)


@pytest.mark.parametrize(
    ("feature", "value", "detail"),
    [
        (Feature("temp", nullable=False), NULL, "feature 'temp' is null, but may not be"),
        (Feature("temp"), -math.inf, "feature 'temp' has to be a finite number, but is -inf"),
        (Feature("seats", Kind.INTEGER), 1.5, "feature 'seats' has to be a whole number, but is 1.5"),
        (Feature("late", Kind.BOOLEAN), 2.0, "feature 'late' has to be a boolean, but is 2.0"),
        (
            Feature("code", Kind.CATEGORICAL),
            -3.0,
            "feature 'code' has to be a category code, a whole number from 0 to 2147483647, but is -3.0",
        ),
    ],
)
def test_a_problem_says_what_was_expected_and_what_came(feature, value, detail):
    (problem,) = FeatureSet((feature,)).settle(np.array([[value]])).problems
    assert problem.detail == detail


def test_the_highest_code_is_allowed_and_the_next_is_not():
    codes = FeatureSet((Feature("code", Kind.CATEGORICAL),))
    (problem,) = codes.settle(np.array([[float(MAX_CODE)], [MAX_CODE + 1.0]])).problems
    assert problem.row == 1


def test_a_level_is_found_by_equality():
    codes = Feature("x", Kind.CATEGORICAL, levels=(1, 2.5, "3", "EWR")).codes
    assert (codes[1], codes[1.0], codes[2.5], codes["3"], codes["EWR"]) == (0, 0, 1, 2, 3)
    assert 3 not in codes
    assert "1" not in codes


def test_levels_that_are_equal_are_refused():
    with pytest.raises(ValueError, match="repeat"):
        Feature("x", Kind.CATEGORICAL, levels=("a", "b", "a"))
    with pytest.raises(ValueError, match="repeat"):
        Feature("x", Kind.CATEGORICAL, levels=(1, 1.0))


def test_only_a_categorical_feature_has_levels():
    with pytest.raises(ValueError, match="only a categorical one"):
        Feature("x", Kind.INTEGER, levels=(1, 2))


def test_the_field_of_a_feature_is_its_name_where_nothing_else_is_said():
    assert Feature("temp").field == "temp"
    assert Feature("temp", field="weather.temp").field == "weather.temp"


def test_feature_names_do_not_repeat():
    with pytest.raises(ValueError, match=r"repeat.*'a'"):
        FeatureSet((Feature("a"), Feature("b"), Feature("a")))


def test_a_set_of_features_keeps_the_matrix_order():
    named = FeatureSet((Feature("b"), Feature("a")))
    assert named.names == ("b", "a")
    assert [f.name for f in named] == ["b", "a"]
    assert len(named) == 2
    assert named == FeatureSet((Feature("b"), Feature("a")))
    assert hash(named) == hash(FeatureSet((Feature("b"), Feature("a"))))
