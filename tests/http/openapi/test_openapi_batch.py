"""schemathesis against a sidecar with batch jobs over topics in memory: the real service of the suite has no Kafka."""

import asyncio
import sysconfig
from pathlib import Path

import pytest

from scoreline.features import Feature, Kind
from scoreline.testing.fakes import WeightedSum
from tests.http.batch.batch_sidecars import serve_batch

CONFIGURATION = Path(__file__).parents[2] / "integration" / "schemathesis.toml"
FEATURES = [Feature("a", nullable=False), Feature("b", Kind.CATEGORICAL, levels=("UA", "AA"))]

RESULTS = """
[[operations]]
include-path = "/batch/{{job_id}}/results"
parameters = {{ "path.job_id" = "{job_id}" }}
"""


@pytest.mark.slow
async def test_every_answer_about_jobs_is_as_the_document_tells(tmp_path):
    """Results are those of a job that has ended; of the others schemathesis asks for those that it has submitted."""
    async with serve_batch(models={1: WeightedSum(FEATURES, [1.0, 1.0])}) as batch:
        job_id = await batch.succeed([{"a": 1.0}, {"a": None}])
        configuration = tmp_path / "schemathesis.toml"
        configuration.write_text(CONFIGURATION.read_text() + RESULTS.format(job_id=job_id))
        process = await asyncio.create_subprocess_exec(
            str(Path(sysconfig.get_path("scripts")) / "st"),
            *("--no-color", "--config-file", str(configuration)),
            *("run", f"{batch.running.server.url}/openapi.json", "--checks", "all", "--max-examples=15"),
            *("--include-path-regex", "^/batch"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        served = {(event.method, event.route, event.status) for event in batch.running.events}
    assert process.returncode == 0, said.decode()
    assert all(status < 500 for _, _, status in served)
    assert {("POST", "/batch", 202), ("GET", "/batch", 200), ("GET", "/batch/{job_id}", 200)} <= served
    assert {("GET", "/batch/{job_id}/results", 200), ("DELETE", "/batch/{job_id}", 200)} <= served
