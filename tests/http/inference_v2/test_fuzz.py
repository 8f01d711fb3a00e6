"""Bodies that were good once, spoiled at random: the caller is answered, or told what is wrong."""

import json
import random

import pytest

from scoreline.features import Feature, Kind
from scoreline.testing.fakes import WeightedSum
from tests.http.inference_v2.tensors import tensor
from tests.http.sidecars import serve

MODEL = WeightedSum(
    [
        Feature("n", nullable=False),
        Feature("i", Kind.INTEGER),
        Feature("b", Kind.BOOLEAN),
        Feature("t", Kind.CATEGORICAL, levels=("x", "y")),
    ],
    [1.0, 1.0, 1.0, 1.0],
)
COLUMNS = [
    tensor("n", [1, 2.5]),
    tensor("i", [[1], [None]], "INT64", [2, 1]),
    tensor("b", [True, None], "BOOL"),
    tensor("t", ["x", "z"], "BYTES"),
]
BODIES = [
    json.dumps({"id": "7", "inputs": COLUMNS, "outputs": [{"name": "predict", "parameters": {}}]}).encode(),
    json.dumps({"inputs": [tensor("n", [3, 4], "FP32")], "parameters": {"priority": 1}}).encode(),
    json.dumps({"inputs": [tensor("n", [3, 4], "UINT64")], "outputs": []}).encode(),
]
PIECES = [
    *(b"null", b"-1", b"[", b"]", b"{", b"}", b'"', b",", b"1e999", b"NaN", b"\xff", b"9" * 30, b"true", b"[]", b"\\"),
    *(b'"FP64"', b'"BYTES"', b'"n"', b'"\\ud800"', b"[2, 2]", b"1.5", b"0", b"-0.0", b"1e308", b'"name": "n", '),
]


def spoil(chance: random.Random) -> bytes:
    body = bytearray(chance.choice(BODIES))
    for _ in range(chance.randint(1, 3)):
        at, kind = chance.randrange(len(body)), chance.randrange(3)
        if kind == 0:
            piece = chance.choice(PIECES)
            body[at : at + chance.randint(0, len(piece))] = piece
        elif kind == 1:
            del body[at : at + chance.randint(1, 6)]
        else:
            start = chance.randrange(len(body))
            body[at:at] = body[start : start + chance.randint(1, 20)]
    return bytes(body)


@pytest.mark.slow
async def test_no_body_is_a_fault_of_the_service():
    """Each answer is one of the protocol's, or a problem with the text that its clients show."""
    chance = random.Random(11)
    statuses = set()
    async with serve({1: MODEL}) as running:
        for _ in range(2000):
            body = spoil(chance)
            answer = await running.ask(
                "POST", "/v2/models/model/infer", data=body, headers={"Content-Type": "application/json"}
            )
            statuses.add(answer.status)
            if answer.status == 200:
                (output,) = answer.json["outputs"]
                assert output["shape"] == [len(output["data"])], body
            else:
                assert answer.status in (400, 413, 415, 422), body
                assert answer.json["error"], body
    assert {200, 400, 422} <= statuses
