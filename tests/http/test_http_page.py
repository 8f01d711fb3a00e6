"""docs/http.md against the code: every route, every problem, and its examples, run."""

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

from scoreline.config.tokens import Access, Token
from scoreline.features import Feature, Kind
from scoreline.http.batch.body import LEAST_BYTES_PER_SECOND, SILENCE_SECONDS
from scoreline.http.batch.jobs import DEFAULT_LISTED, INLINE_ROWS, MOST_LISTED
from scoreline.http.batch.results import DEFAULT_PAGE, MOST_PAGE
from scoreline.http.batch.streams import MOST_STREAMS
from scoreline.http.batch.submission import MOST_JSON_UPLOADS, MOST_UPLOADS
from scoreline.http.errors import PROBLEMS
from scoreline.http.wire.response import WRITE_SECONDS
from scoreline.http.wire.streaming import WRITE_BYTES
from scoreline.jobs.scoring import ChunkScorer
from scoreline.models.model import ModelVersion
from scoreline.observability.drift.judging import Reading
from scoreline.observability.drift.report import DriftReader
from scoreline.testing.fakes import FixedVersions, WeightedSum
from tests.http.batch.batch_sidecars import serve_batch
from tests.http.sidecars import begin_look, serve

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text()

ELSEWHERE = ("/v2", "/docs", "/openapi.json")
"""Routes, and what lies below them, that have pages of their own."""

DELAYS = WeightedSum([Feature("temp"), Feature("carrier", Kind.CATEGORICAL, levels=("UA", "AA"))], [0.5, 0.25])

READ_DRIFT = DriftReader("delays", lambda: [Reading(ModelVersion("delays", 3, "", DELAYS), None, None, "")]).read

VOLATILE = {"latency_ms"}


async def test_every_route_has_a_heading():
    headings = re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
    told = set(re.findall(r"`([A-Z]+ /[^`]*)`", "\n".join(headings)))
    async with serve(
        tokens=(Token(Access.ADMIN, "x"),), resume_stream=lambda: None, reload_models=begin_look, read_drift=READ_DRIFT
    ) as running:
        routes = {f"{r.method} {r.pattern}" for r in running.sidecar.routes if not is_elsewhere(r.pattern)}
    assert told == routes


def is_elsewhere(pattern):
    return pattern in ELSEWHERE or pattern.startswith(tuple(f"{each}/" for each in ELSEWHERE))


def test_every_problem_is_in_the_table_with_its_status_and_when_to_come_back():
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \| (.*?)\| ", PAGE, re.MULTILINE)
    seconds = {}
    for problem in PROBLEMS.values():
        seconds.setdefault((problem.slug, str(problem.status)), set()).add(problem.retry_after_seconds)
    expected = {key: sorted(each for each in found if each is not None) for key, found in seconds.items()}
    expected["overloaded", "429"] = [1.0]  # what the error says itself, unless something knows better
    told = {(slug, status): [float(each) for each in re.findall(r"\d+", pause)] for slug, status, pause in rows}
    assert len(rows) == len(told)
    some_have_none = {key for key, found in seconds.items() if None in found and len(found) > 1}
    assert {(slug, status) for slug, status, pause in rows if "or none" in pause} == some_have_none
    assert {key: [min(each), max(each)] if each else [] for key, each in expected.items()} == {
        key: [each[0], each[-1]] if each else [] for key, each in told.items()
    }


def test_limits_on_the_page_are_those_that_hold():
    page = " ".join(PAGE.split())
    assert f"of which nothing comes for {SILENCE_SECONDS:g} seconds" in page
    assert (MOST_UPLOADS, MOST_JSON_UPLOADS, MOST_STREAMS) == (8, 32, 4)
    assert "Eight bodies of lines and 32 of JSON may arrive at once" in page
    assert f"for long less than {LEAST_BYTES_PER_SECOND} bytes a second" in page
    assert "lines are sent to four callers at once" in page
    assert f"takes less than {WRITE_BYTES // 1024} KiB in {WRITE_SECONDS:g} seconds" in page
    assert f"A job of up to {INLINE_ROWS:,} rows" in page
    assert f"({DEFAULT_PAGE:,} unless it is given, at most {MOST_PAGE:,})" in page
    assert f"{DEFAULT_LISTED} unless `?limit=` asks for another number, up to {MOST_LISTED:,}" in page


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="the page asks with curl, which is not installed here")
async def test_commands_of_the_page_have_the_answers_that_stand_below_them(tmp_path):
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert {language for language, _ in blocks} == {"sh", "json", "text"}
    versions = FixedVersions({3: DELAYS}, name="delays")
    options = {"resume_stream": lambda: None, "reload_models": begin_look, "read_drift": READ_DRIFT}
    compared, said = 0, ""
    async with serve_batch(models=versions, **options) as batch:
        scorer = ChunkScorer(versions, clock=batch.clock, wall_clock=lambda: batch.clock() + 1)
        for language, text in blocks:
            if language == "sh":
                said = await run(text.replace("localhost:8080", f"127.0.0.1:{batch.running.server.port}"), tmp_path)
                if "rows.ndjson" in text:
                    assert [event.status for event in batch.running.events][-1] == 202
                    batch.topics.score_all(lambda chunk: scorer.score(chunk).result)
                continue
            compared += 1
            if language == "text":
                assert said == text
            else:
                assert without_volatile(json.loads(said)) == without_volatile(json.loads(text))
        await run(
            f"curl -s --fail -X POST 127.0.0.1:{batch.running.server.port}/batch --data-binary @rows.ndjson"
            " -H 'Content-Type: application/x-ndjson'",
            tmp_path,
        )
    assert compared == sum(language != "sh" for language, _ in blocks) > 8


async def run(commands, folder):
    shell = await asyncio.create_subprocess_exec(
        "sh", "-e", "-c", commands, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(shell.communicate(), 20)
    assert shell.returncode == 0, (commands, out, err)
    return out.decode()


def without_volatile(answer):
    return {name: value for name, value in answer.items() if name not in VOLATILE}
