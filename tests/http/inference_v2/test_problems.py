import json
import tracemalloc

import pytest

from scoreline.errors import InvalidInstances
from scoreline.features import Feature, FeatureSet, Kind, ValueProblem
from scoreline.http.inference_v2.layout import find_layout
from scoreline.http.inference_v2.matrix import TensorRows
from scoreline.http.inference_v2.problems import RowProblems
from scoreline.http.inference_v2.request import read_request
from scoreline.records import Reason
from scoreline.schemas.json_problems import DETAILED_INSTANCES, PROBLEMS_PER_INSTANCE, TOLD_INSTANCES
from scoreline.schemas.json_rows import JsonRows
from tests.http.inference_v2.tensors import tensor

MANY = 300
"""So many features that rows times features are too many problems to be kept."""


def test_what_settling_finds_is_told_unless_the_value_has_its_problem_already():
    problems = RowProblems(9)
    problems.add(3, "no number", "a")
    settled = [ValueProblem(3, Feature(name), Reason.MISSING_FEATURE, "is null") for name in ("a", "b")]
    error = problems.refuse([*settled, ValueProblem(1, Feature("a"), Reason.MISSING_FEATURE, "is null")])
    told = [(each.instance, each.feature, each.detail) for each in error.problems]
    assert told == [(1, "a", "is null"), (3, "a", "no number"), (3, "b", "is null")]


def test_of_the_first_bad_rows_everything_is_told_and_of_others_one_thing():
    """A hundred rows are told in full, and no more are kept so, in whichever order they are found."""
    problems = RowProblems(150)
    for feature in ("a", "b"):
        for row in reversed(range(150)):
            assert problems.wants(row) == (feature == "a" or row < DETAILED_INSTANCES)
            problems.add(row, "wrong", feature)
    told = [each.instance for each in problems.refuse([]).problems]
    assert [told.count(row) for row in (0, 99, 100, 149)] == [2, 2, 1, 1]


def test_what_is_wrong_with_all_rows_is_told_after_what_is_wrong_with_one():
    problems = RowProblems(2)
    problems.add(1, "wrong", "a")
    problems.add_to_all("missing", "b")
    told = [(each.instance, each.feature) for each in problems.refuse([]).problems]
    assert told == [(0, "b"), (1, "a"), (1, "b")]


def refuse(features, inputs):
    body = json.dumps({"inputs": inputs}).encode()
    del inputs[:]
    rows, named = TensorRows(features), read_request(body).inputs
    layout = find_layout(named, features, max_instances=10_000)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInstances) as caught:
            rows.decode(named, layout)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return caught.value, peak


def test_a_model_of_many_features_is_refused_one_column_as_it_is_refused_rows():
    """Each row is counted, the first hundred are told with 32 problems and the next 900 with one."""
    features = FeatureSet(tuple(Feature(f"f{i}", nullable=False) for i in range(MANY)))
    error, _ = refuse(features, [tensor("f7", [1] * 1200)])
    with pytest.raises(InvalidInstances) as caught:
        JsonRows(features).decode(json.dumps({"instances": [{"f7": 1}] * 1200}).encode(), max_instances=1200)
    assert error.problems == caught.value.problems
    assert str(error) == str(caught.value)
    assert len(error.problems) == DETAILED_INSTANCES * PROBLEMS_PER_INSTANCE + TOLD_INSTANCES - DETAILED_INSTANCES


def test_columns_that_are_absent_take_no_memory():
    """No more than some matrices of as many doubles."""
    features = FeatureSet(tuple(Feature(f"f{i}", nullable=False) for i in range(MANY)))
    _, peak = refuse(features, [tensor("f0", [1] * 2000)])
    assert peak < 4 * 8 * 2000 * MANY


def test_of_values_that_are_wrong_only_those_that_are_told_are_looked_at(monkeypatch):
    """Each of the others would be decoded, fail, and be put into words for nobody."""
    described = []
    monkeypatch.setattr(
        "scoreline.http.inference_v2.values.describe_value", lambda raw: described.append(raw) or "a number"
    )
    features = FeatureSet(tuple(Feature(f"f{i}", Kind.BOOLEAN) for i in range(50)))
    error, _ = refuse(features, [tensor(f"f{i}", [1] * 500, "BOOL") for i in range(50)])
    assert len(described) == len(error.problems) == DETAILED_INSTANCES * PROBLEMS_PER_INSTANCE + 400


def test_what_is_told_of_rows_that_settling_would_refuse_too_is_complete():
    """Nulls of strict features beside a value of another kind."""
    features = FeatureSet(tuple(Feature(f"f{i}", nullable=False) for i in range(40)))
    columns = [tensor(f"f{i}", ["x" if i == 39 else None, 1, None]) for i in range(40)]
    error, _ = refuse(features, columns)
    told = [(each.instance, each.feature) for each in error.problems]
    first = [(0, "f39"), *((0, f"f{i}") for i in range(PROBLEMS_PER_INSTANCE - 1))]
    assert told == [*first, *((2, f"f{i}") for i in range(PROBLEMS_PER_INSTANCE))]
