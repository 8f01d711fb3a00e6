"""docs/client.md as someone would follow it: every block is run, predictions against a real sidecar."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scoreline.features import Feature
from scoreline.testing.fakes import WeightedSum
from tests.client.pretended import PretendedJobs
from tests.http.sidecars import serve

PAGE = Path(__file__).parent.parent / "docs" / "client.md"
BLOCKS = dict(re.findall(r"^```python (\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
DOCUMENTED_URL = "http://127.0.0.1:8080"
TLS = Path(__file__).parent / "data" / "tls"
MODEL = WeightedSum([Feature("temp"), Feature("wind")], [1.0, 10.0])


async def run(block, url, folder=None):
    """What a block prints, run in a process of its own."""
    script = BLOCKS[block].replace(DOCUMENTED_URL, url)
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_block_is_run():
    assert set(BLOCKS) == {"predict", "errors", "job", "async", "door"}
    assert PAGE.read_text().count("```python") == len(BLOCKS)


@pytest.mark.parametrize(
    ("block", "printed"),
    [
        ("predict", "model 1 (123.5, 40.0)\n"),
        ("errors", "1 temp expected a number or null, got a string\n"),
        ("async", f"{[i + 40.0 for i in range(8)]}\n"),
    ],
)
async def test_predictions_come_from_a_sidecar(block, printed):
    async with serve({1: MODEL}) as running:
        assert await run(block, running.server.url) == printed


@pytest.mark.slow
async def test_a_job_goes_its_way():
    jobs = PretendedJobs()
    try:
        assert await run("job", jobs.server.url) == "2500 of 5000\n5000 of 5000\nsucceeded\n"
    finally:
        jobs.server.close()
    assert len(jobs.rows) == 5000


async def test_a_client_behind_a_door_is_made_without_showing_its_token(tmp_path):
    (tmp_path / "token").write_text("s3cret")
    (tmp_path / "authority.pem").write_bytes((TLS / "certificate.pem").read_bytes())

    assert await run("door", "", tmp_path) == "Client('https://models.example.org/delays')\n"
