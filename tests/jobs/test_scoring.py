"""Chunks to results: each row exactly as `POST /predict` would answer it alone."""

import json
import math

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scoreline.errors import InstanceProblem, InvalidInstances, MalformedRequest, ModelNotFound, Unavailable
from scoreline.features import Feature, Kind, Matrix
from scoreline.jobs.chunk import Chunk
from scoreline.jobs.result import ChunkResult
from scoreline.jobs.scoring import MOST_DETAIL_BYTES, NOT_FINITE, ChunkScorer
from scoreline.models.live_route import LiveRoute
from scoreline.models.model import Scores
from scoreline.schemas.json_problems import PROBLEMS_PER_INSTANCE, refuse_values
from scoreline.schemas.json_rows import JsonRows
from scoreline.schemas.json_split import NO_JSON
from scoreline.testing.fakes import FixedVersions, WeightedSum
from tests.jobs.builders import make_chunk, make_order

FEATURES = (
    Feature("a", Kind.NUMERIC),
    Feature("n", Kind.INTEGER, nullable=False),
    Feature("c", Kind.CATEGORICAL, levels=("x", "{", "}", "ü", '"')),
    Feature("b", Kind.BOOLEAN),
)


class Overflowing(WeightedSum):
    """A model whose output is not finite for large values, as that of trees cannot be."""

    def predict(self, features: Matrix) -> Scores:
        with np.errstate(over="ignore", invalid="ignore"):
            return super().predict(features)


MODEL = Overflowing(FEATURES, [1.0, 1e300, 3.0, 0.5])


def score(chunk: Chunk, model=MODEL) -> ChunkResult:
    scorer = ChunkScorer(FixedVersions({1: model}), clock=lambda: 0.0, wall_clock=lambda: 1.0)
    return scorer.score(chunk).result


def answer_alone(line: bytes, *, ignore_unknown: bool = False) -> float | list[tuple[str | None, str]] | None:
    """What `/predict` does with one row; None where it has no words for it, because the body is none."""
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except NO_JSON:
        return None
    try:
        parsed = JsonRows(MODEL.features, ignore_unknown=ignore_unknown).decode(
            b'{"instances":[%b]}' % line, max_instances=10
        )
        if len(parsed) != 1:
            return None
        settled = MODEL.features.settle(parsed)
        if settled.problems:
            raise refuse_values(settled.problems)
    except MalformedRequest:
        return None
    except InvalidInstances as error:
        if {p.instance for p in error.problems} != {0}:
            return None
        return [(p.feature, p.detail) for p in error.problems]
    value = float(MODEL.predict(parsed)[0])
    return value if math.isfinite(value) else [(None, NOT_FINITE)]


VALUES = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([1.5, 1e308, 2**53, "x", "{", "zz", "1", [], {}])
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "n", "c", "b", "z", "{", "é"]), VALUES, max_size=5)
GOOD = st.fixed_dictionaries(
    {"n": st.integers(-5, 5)},
    optional={"a": st.floats(-9, 9), "c": st.sampled_from(["x", "{", None]), "b": st.booleans()},
)
ODD = st.sampled_from(
    [
        b'{"n":1},{"n":2}',
        b'{"n":1},',
        b',{"n":1}',
        b'{"n":1',
        b'{"n":1}]}',
        b'{"n":1}],"instances":[null',
        b'{"n":1}],"instances":[',
        b'{"n":1,"a":"',
        b'{"n":1} ',
        b'  {"n":1}',
        b'{"n":1}\r',
        b'{"n":1,"n":2}',
        b'{"n":"x","n":2}',
        b"{}",
        b"[]",
        b"null",
        b"1e999",
        b'{"n":1e999}',
        b'{"n":NaN}',
        b'{"n":1,"a":1e308,"c":"x"}',
        b'{"n":1e300,"a":0}',
        b'{"n":1.5}',
        b'"a"',
        b'{"n":1,"c":"\xff"}',
        b'{"n":1,"\xff":1}',
        b'{"n":"\xff","n":1}',
        b"\x00",
        b'{"n":1,"z":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'"n":2}',
    ]
)


def dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


LINES = st.lists(GOOD.map(dump) | OBJECTS.map(dump) | ODD, min_size=1, max_size=8)


@settings(max_examples=12, deadline=None)
@given(lines=LINES, ignore_unknown=st.booleans())
@example(lines=[b'{"n":1,"a":', b"2}"], ignore_unknown=False)
@example(lines=[b'{"n":1', b'{"n":2}}'], ignore_unknown=True)
@example(lines=[b'{"n":1},{"n":2}', b"3"], ignore_unknown=False)
@example(lines=[b'{"n":1,"c":"x', b'{"}'], ignore_unknown=False)
def test_each_row_is_answered_as_if_it_came_alone(lines, ignore_unknown):
    """Whatever its neighbours are: errors and predictions are those of `/predict`, bit by bit."""
    check_each_row(lines, ignore_unknown=ignore_unknown)


def test_what_is_no_utf_8_is_an_error_also_in_an_earlier_value_of_a_repeated_key():
    result = score(make_chunk([b'{"n":"\xff","n":1}', b'{"n":"x","n":1}']))
    assert [(error.row, error.detail) for error in result.errors] == [(0, "the row is not UTF-8")]


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(lines=LINES, ignore_unknown=st.booleans())
def test_each_of_very_many_rows_is_answered_as_if_it_came_alone(lines, ignore_unknown):
    check_each_row(lines, ignore_unknown=ignore_unknown)


def check_each_row(lines, *, ignore_unknown):
    result = score(make_chunk(lines, order=make_order(ignore_unknown=ignore_unknown)))
    assert result.rows == len(lines)
    assert [e.row for e in result.errors] == sorted(e.row for e in result.errors)
    for row, line in enumerate(lines):
        expected = answer_alone(line, ignore_unknown=ignore_unknown)
        errors = [(e.feature, e.detail) for e in result.errors if e.row == row]
        if isinstance(expected, float):
            assert not errors
            assert result.predictions[row] == expected
        else:
            assert math.isnan(result.predictions[row])
            assert errors
            assert expected is None or errors == expected


def test_rows_that_are_all_good_take_the_fast_way_to_the_same_result():
    lines = [dump({"n": i, "a": i / 3, "c": "x"}) for i in range(300)]
    result = score(make_chunk(lines))
    assert not result.errors
    assert result.predictions.tolist() == [answer_alone(line) for line in lines]


def test_a_field_of_another_version_of_the_route_is_skipped_and_any_other_is_not():
    order = make_order(also_known=("z",))
    result = score(make_chunk([b'{"n":1,"z":5}', b'{"n":1,"y":5}'], order=order))
    assert [(e.row, e.feature) for e in result.errors] == [(1, "y")]


def test_a_multi_class_result_has_scores_and_the_lowest_index_of_the_largest():
    model = WeightedSum([Feature("a", Kind.NUMERIC)], [1.0], classes=("low", "mid", "high"))
    result = score(make_chunk([b'{"a":2}', b'{"a":"?"}', b'{"a":0}']), model)
    assert result.classes == ("low", "mid", "high")
    np.testing.assert_array_equal(result.scores, [[2.0, 4.0, 6.0], [np.nan] * 3, [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(result.predictions, [2.0, np.nan, 0.0])


def test_a_version_that_is_gone_is_an_error_of_every_row():
    result = score(make_chunk([b'{"n":1}', b"?"], order=make_order(version=9)))
    assert [(e.row, e.detail) for e in result.errors] == [(i, "there is no version '9'") for i in range(2)]
    assert np.isnan(result.predictions).all()


def test_a_model_store_that_is_away_is_no_error_of_a_row():
    class Away:
        def resolve(self, selector: str | None = None) -> LiveRoute:
            raise Unavailable("the store is away")

    scorer = ChunkScorer(Away(), clock=lambda: 0.0, wall_clock=lambda: 0.0)
    with pytest.raises(Unavailable):
        scorer.score(make_chunk([b'{"n":1}']))


def test_what_is_told_of_bad_rows_is_bounded_and_no_bad_row_is_left_out():
    """A name that nobody knows may be as long as a line, and there may be many."""
    bad = dump({f"{'x' * 30}{i}": 1 for i in range(100)})
    result = score(make_chunk([bad] * 500))
    assert result.rows_failed == 500
    assert sum(len(e.detail) + len(e.feature or "") for e in result.errors) < MOST_DETAIL_BYTES * 1.5
    assert max(sum(e.row == row for e in result.errors) for row in range(150)) <= PROBLEMS_PER_INSTANCE


def test_a_version_that_is_gone_is_found_out_without_reading_rows():
    class Gone:
        def resolve(self, selector: str | None = None) -> LiveRoute:
            raise ModelNotFound("x" * 5000)

    scorer = ChunkScorer(Gone(), clock=lambda: 0.0, wall_clock=lambda: 0.0)
    result = scorer.score(make_chunk([b"?"] * 2048)).result
    assert result.rows_failed == 2048
    assert sum(len(e.detail) for e in result.errors) < MOST_DETAIL_BYTES * 1.5


def test_problems_of_a_row_carry_the_feature_at_fault():
    result = score(make_chunk([b'{"n":true,"a":"1"}']))
    assert [e.feature for e in result.errors] == ["a", "n"]
    assert InstanceProblem(0, result.errors[0].detail, "a").detail.startswith("expected a number or null")


def test_rows_that_have_a_prediction_are_there_with_what_was_unseen_in_them():
    """Not those that are bad, nor those whose output is not finite."""
    scorer = ChunkScorer(FixedVersions({1: MODEL}), clock=lambda: 0.0, wall_clock=lambda: 1.0)
    lines = [{"a": 1, "n": 0, "c": "zz"}, {"a": 2}, {"a": 3, "n": 10**9}, {"a": 4, "n": 0, "c": "{"}]
    rows = scorer.score(make_chunk([dump(line) for line in lines])).rows

    assert (rows.version.version, rows.features[:, :2].tolist()) == (1, [[1.0, 0.0], [4.0, 0.0]])
    assert (rows.unseen.tolist(), rows.scores.tolist()) == ([0, 0, 1, 0], [1.0, 7.0])
    assert scorer.score(make_chunk([b"?"])).rows is None
