"""`/drift`, and the rows that callers have scored."""

import numpy as np
import pytest

from scoreline.config.tokens import Access, Token
from scoreline.errors import FeatureNotFound, ModelNotFound
from scoreline.features import Feature, Kind
from scoreline.testing.fakes import WeightedSum
from tests.http.sidecars import make_model, serve

REPORT = {"model": "flights", "versions": []}


class Rows:
    """A `RowsObserver` that keeps what it is told."""

    def __init__(self):
        self.told = []

    def rows_scored(self, version, features, unseen, scores):
        self.told.append((version.version, features.tolist(), unseen.tolist(), scores.tolist()))


def read_drift(version=None, feature=None):
    if version == 9:
        raise ModelNotFound("version 9 of flights is not loaded here")
    if feature in {"", "x"}:
        raise FeatureNotFound(f"no version that is watched has a feature {feature!r}")
    return {**REPORT, "asked": [version, feature]}


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", [None, None]),
        ("?version=3", [3, None]),
        ("?feature=output%3Aprediction", [None, "output:prediction"]),
        ("?version=3&feature=temp", [3, "temp"]),
    ],
)
async def test_the_report_is_told_of_what_was_asked_for(query, asked):
    async with serve(read_drift=read_drift) as running:
        answer = await running.get(f"/drift{query}")

    assert (answer.status, answer.json) == (200, {**REPORT, "asked": asked})


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?version=9", 404),
        ("?version=production", 400),
        ("?version=0", 400),
        ("?feature=x", 404),
        ("?feature=", 404),
        ("?features=x", 400),
    ],
)
async def test_what_cannot_be_told_is_refused(query, status):
    async with serve(read_drift=read_drift) as running:
        answer = await running.get(f"/drift{query}")

    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_every_role_has_it_and_asks_for_a_token():
    async with serve(serving=False, read_drift=read_drift, tokens=(Token(Access.PREDICT, "t"),)) as running:
        assert (await running.get("/drift")).status == 401
        assert (await running.get("/drift", headers={"Authorization": "Bearer t"})).status == 200


async def test_rows_that_are_answered_are_told_with_what_was_unseen_in_them():
    carrier = Feature("carrier", Kind.CATEGORICAL, levels=("AA", "UA"))
    rows = Rows()
    async with serve({1: WeightedSum([Feature("a"), carrier], [1.0, 10.0])}, rows_observer=rows) as running:
        answer = await running.predict([{"a": 2, "carrier": "UA"}, {"a": 3, "carrier": "ZZ"}])
        assert answer.json["predictions"] == [12, 3]

    ((version, features, unseen, scores),) = rows.told
    assert (version, unseen, scores) == (1, [0, 1], [12, 3])
    np.testing.assert_array_equal(features, [[2, 1], [3, np.nan]])


async def test_rows_that_are_refused_are_not_told():
    rows = Rows()
    async with serve({1: make_model(1.0)}, rows_observer=rows) as running:
        assert (await running.predict([{"a": 1}, {"a": "x"}])).status == 422

    assert rows.told == []


async def test_tensors_are_rows_as_well():
    rows = Rows()
    body = {"inputs": [{"name": "a", "shape": [2, 1], "datatype": "FP64", "data": [1.0, 2.0]}]}
    async with serve({1: make_model(1.0)}, rows_observer=rows) as running:
        assert (await running.ask("POST", "/v2/models/model/infer", json=body)).status == 200

    assert rows.told == [(1, [[1.0], [2.0]], [0], [1.0, 2.0])]
