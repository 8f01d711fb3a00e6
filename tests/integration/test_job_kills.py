"""Batch jobs while worker, sidecar and broker are killed with -9: every job ends, every row has exactly one result."""

import random
import secrets
import time

import pytest

from scoreline.cli.topics import create_topics
from scoreline.config.environment import Variable
from scoreline.config.settings import load_settings
from scoreline.kafka.cluster.admin import open_admin
from tests.integration.job_calls import ask_until_answered, await_job, read_results, submit, to_lines

pytestmark = pytest.mark.kafka

JOBS = 10
KILLS = 5
ROWS = 12_000


@pytest.fixture
def deployment(disposable_kafka, flights_store, scoreline_service, tmp_path):
    """A broker of its own, two workers and a sidecar."""
    base = {
        "KAFKA_BOOTSTRAP_SERVERS": disposable_kafka.bootstrap_servers,
        "MODEL_STORE": str(flights_store / "models"),
        "CACHE_DIR": str(flights_store / "cache"),
        "SCHEMA_DIR": str(tmp_path / "schemas"),
        "GROUP_ID": f"group-{secrets.token_hex(4)}",
        "CONSUMER_SESSION_TIMEOUT_MS": "6000",
        "CONSUMER_HEARTBEAT_INTERVAL_MS": "500",
    }
    settings = load_settings(variables=[Variable(f"SCORELINE_{n}", v, "test") for n, v in base.items()])
    admin = open_admin({"bootstrap.servers": disposable_kafka.bootstrap_servers})
    create_topics(admin, settings, partitions=3, replication_factor=-1)
    sidecar = scoreline_service(base, roles=["http"], name="sidecar").start()
    workers = [
        scoreline_service({**base, "MEMBER_ID": name}, roles=["jobs"], name=name).start() for name in ("one", "two")
    ]
    for service in (sidecar, *workers):
        service.await_ready()
    return disposable_kafka, sidecar, workers


def test_every_job_ends_and_every_row_has_exactly_one_result_whatever_is_killed(deployment, streamed_flights):
    broker, sidecar, workers = deployment
    seed = secrets.randbits(32)
    rng = random.Random(seed)
    known = streamed_flights.expected.tolist()
    jobs = {}
    for number in range(JOBS):
        first = rng.randrange(len(known) - ROWS)
        jobs[submit(sidecar.url, to_lines(streamed_flights.rows[first : first + ROWS]))["job_id"]] = first
        if number % (JOBS // KILLS) == 0:
            victim = rng.choice([broker, sidecar, *workers])
            time.sleep(rng.random())  # a random moment is what is tried
            victim.kill()
            victim.start()
            ask_until_answered(f"{sidecar.url}/batch?limit=1")

    for job_id, first in jobs.items():
        done = await_job(sidecar.url, job_id, within_seconds=120)
        assert (done["status"], done["rows_done"], done["rows_failed"]) == ("succeeded", ROWS, 0), seed
        results = read_results(sidecar.url, job_id)
        assert [r["instance"] for r in results] == list(range(ROWS)), seed
        assert [r["prediction"] for r in results] == known[first : first + ROWS], seed
