"""docs/open-inference-protocol.md: its examples, run."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from scoreline.features import Feature, Kind
from scoreline.testing.fakes import FixedVersions, WeightedSum
from tests.http.sidecars import make_model, serve

PAGE = (Path(__file__).parents[3] / "docs" / "open-inference-protocol.md").read_text()

DELAYS = WeightedSum(
    [
        Feature("temp"),
        Feature("carrier", Kind.CATEGORICAL, levels=("UA", "AA")),
        Feature("holiday", Kind.BOOLEAN),
    ],
    [1.0, 1.0, 2.0],
)


def find_examples(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


async def test_columns_of_the_page_are_answered_as_it_says():
    request, answer = map(json.loads, find_examples("json")[:2])
    async with serve(FixedVersions({3: DELAYS}, name="delays")) as running:
        assert (await running.ask("POST", "/v2/models/delays/infer", json=request)).json == answer


async def test_the_matrix_of_the_page_is_scored():
    request = json.loads(find_examples("json")[2])
    async with serve({1: make_model(1.0, 10.0, 100.0)}) as running:
        answer = await running.ask("POST", "/v2/models/model/infer", json=request)
        assert answer.json["outputs"][0]["data"] == [321.0, 604.0]


async def test_the_problem_of_the_page_is_as_it_comes():
    request, problem = map(json.loads, find_examples("json")[3:])
    async with serve(FixedVersions({3: DELAYS}, name="delays")) as running:
        assert (await running.ask("POST", "/v2/models/delays/infer", json=request)).json == problem


@pytest.mark.slow
async def test_the_client_of_the_page_gets_its_answer(capsys):
    (program,) = find_examples("python")
    async with serve(FixedVersions({3: DELAYS}, name="delays")) as running:
        program = program.replace("127.0.0.1:8080", f"127.0.0.1:{running.server.port}")
        await asyncio.to_thread(exec, program, {})
    assert capsys.readouterr().out == "[0.0, 1.0]\n"
