"""The short form of the torture of batch jobs."""

import pytest

from tests.torture.ground import Ground
from tests.torture.jobs import Jobs
from tests.torture.reloads import VERSIONS
from tests.torture.versions import make_versions

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

SEED = 20131031


def test_every_job_ends_and_every_row_has_one_right_result_whoever_is_killed(proxied_kafka, tmp_path, tell):
    """Worker, sidecar and broker are killed five times at random moments while jobs are uploaded and scored."""
    versions = make_versions(tmp_path / "tiny", VERSIONS)
    came = Jobs(Ground((proxied_kafka.broker,)), versions, tmp_path).run(jobs=4, rows_each=60_000, kills=5, seed=SEED)
    for line in came.describe():
        tell(line)
    assert not came.trouble, "\n".join(came.describe())
    assert came.statuses == {"succeeded": 4}
