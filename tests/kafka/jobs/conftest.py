"""Topics of jobs for a test."""

import pytest

from tests.kafka.jobs.scenes import JobsScene


@pytest.fixture
def jobs_scene(kafka, make_topic, tmp_path):
    scene = JobsScene(kafka.bootstrap_servers, make_topic, tmp_path / "schemas")
    yield scene
    scene.close()
