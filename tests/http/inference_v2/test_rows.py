"""A request of tensors is what the same rows are on `POST /predict`: the same bits, or the same refusal."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.features import Feature, Kind
from scoreline.testing.fakes import WeightedSum
from tests.http.inference_v2.tensors import make_columns, tensor
from tests.http.sidecars import serve

DATATYPES = {
    "n": "FP64",
    "strict": "FP64",
    "i": "INT64",
    "b": "BOOL",
    "c": "INT32",
    "text": "BYTES",
    "whole": "INT64",
    "flag": "BOOL",
    "nobody": "FP64",
}
MODEL = WeightedSum(
    [
        Feature("n"),
        Feature("strict", nullable=False),
        Feature("i", Kind.INTEGER),
        Feature("b", Kind.BOOLEAN),
        Feature("c", Kind.CATEGORICAL),
        Feature("text", Kind.CATEGORICAL, levels=("x", "ÿ", "")),
        Feature("whole", Kind.CATEGORICAL, levels=(10, 2**53 + 1, -3)),
        Feature("flag", Kind.CATEGORICAL, levels=(True, False)),
    ],
    [1.0, 0.1, 1e-3, 7.0, 1 / 3, 1e5, 11.0, 13.0],
)
NUMBERS = WeightedSum([Feature("n"), Feature("i", Kind.INTEGER), Feature("c", Kind.CATEGORICAL)], [1.0, 0.1, 1 / 3])

finite = st.floats(allow_nan=False, allow_infinity=False, width=64).map(lambda x: x % 1e6)
GOOD = {
    "n": finite | st.integers(-(2**62), 2**62),
    "strict": finite,
    "i": st.integers(-(2**53), 2**53),
    "b": st.booleans(),
    "c": st.integers(0, 9),
    "text": st.sampled_from(["x", "ÿ", "", "never"]),
    "whole": st.sampled_from([10, 2**53, 2**53 + 1, -3, 0]),
    "flag": st.booleans(),
}
BAD = {
    "n": st.sampled_from(["1", True, {}, "a,b"]),
    "strict": st.sampled_from([None, "1"]),
    "i": st.just("x"),
    "b": st.sampled_from([0, "true"]),
    "c": st.integers(-2, -1),
    "text": st.just(3),
    "whole": st.just(True),
    "flag": st.just(1),
    "nobody": st.just(1.0),
}


@st.composite
def rows_of_columns(draw):
    """Rows that all have the same features; in every other case some of them are spoiled."""
    left_out = draw(st.sets(st.sampled_from(sorted(set(GOOD) - {"strict"})), max_size=5))
    rows = [
        {
            name: draw(each if name == "strict" else st.none() | each)
            for name, each in GOOD.items()
            if name not in left_out
        }
        for _ in range(draw(st.integers(1, 6)))
    ]
    if draw(st.booleans()):
        for name in draw(st.sets(st.sampled_from(sorted(BAD)), min_size=1, max_size=3)):
            for row in rows if name == "nobody" else [draw(st.sampled_from(rows))]:
                row[name] = draw(BAD[name])
    return rows


async def compare(rows):
    async with serve({1: MODEL}) as running:
        predicted = await running.predict(rows)
        columns = make_columns(rows, DATATYPES)
        inferred = await running.ask("POST", "/v2/models/model/infer", json={"inputs": columns})
    if predicted.status == 200:
        assert inferred.status == 200, inferred.body
        assert json.loads(inferred.body)["outputs"][0]["data"] == predicted.json["predictions"]
        return
    assert (predicted.status, inferred.status) == (422, 422), (predicted.body, inferred.body)
    assert find_faults(inferred) == find_faults(predicted)


def find_faults(answer):
    return {(error["instance"], error.get("feature")) for error in answer.json["errors"]}


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(rows_of_columns())
def test_columns_are_the_same_as_rows(rows):
    asyncio.run(compare(rows))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(*(st.none() | each for each in (finite, st.integers(-(2**53), 2**53), st.integers(-2, 9)))),
        min_size=1,
        max_size=30,
    ),
    st.booleans(),
)
def test_a_matrix_is_the_same_as_rows(rows, flat):
    async def run():
        async with serve({1: NUMBERS}) as running:
            predicted = await running.predict([dict(zip("nic", row, strict=True)) for row in rows])
            data = [value for row in rows for value in row] if flat else [list(row) for row in rows]
            matrix = tensor("x", data, shape=[len(rows), 3])
            inferred = await running.ask("POST", "/v2/models/model/infer", json={"inputs": [matrix]})
        assert inferred.status == predicted.status
        if predicted.status == 200:
            assert inferred.json["outputs"][0]["data"] == predicted.json["predictions"]
        else:
            assert inferred.json["errors"] == predicted.json["errors"]

    asyncio.run(run())
