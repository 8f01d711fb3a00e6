"""Batch jobs while their worker, their sidecar and the broker are killed at random moments."""

import io
import random
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass

import fastavro

from scoreline.cli.topics import create_topics
from scoreline.config.environment import PREFIX, Variable
from scoreline.config.librdkafka import admin_properties
from scoreline.config.settings import load_settings
from scoreline.kafka.cluster.admin import open_admin
from scoreline.schemas.fixed import JOB_RESULT_ID, load_fixed
from scoreline.testing.consume import read_records
from scoreline.testing.service import ServiceProcess
from scoreline.testing.topics import Topics
from tests.torture.job_callers import JobCallers
from tests.torture.setting import CLASSIC
from tests.torture.tiny import FRAME_BYTES

PARTITIONS = 3
AWAY_SECONDS = (0.2, 1.0)
CALM_SECONDS = (0.3, 2.0)
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What came of it.

    Attributes:
        statuses: how many jobs ended how.
        kills: by victim.
        results: on their topic, as readers of committed records are given them.
        chunks: of the jobs; results of uploads that were broken off come on top.
        trouble: everything that is not as promised, in words.
    """

    jobs: int
    rows: int
    statuses: dict
    kills: dict
    results: int
    chunks: int
    trouble: list
    slowest_job_seconds: float
    took_seconds: float

    def describe(self):
        """Lines for people."""
        return [
            f"jobs {self.jobs}  rows {self.rows:,}  ended {self.statuses}  in {self.took_seconds:.0f} s",
            f"kills {self.kills}  chunks {self.chunks}  results {self.results}",
            f"slowest job {self.slowest_job_seconds:.1f} s",
            *self.trouble,
        ]


class Jobs:
    """One worker, one sidecar and fresh topics.

    Args:
        ground: of one broker, which may be killed.
        versions: a `tests.torture.versions.Versions`.
        folder: for what the processes say.
    """

    def __init__(self, ground, versions, folder):
        self._ground, self._versions = ground, versions
        self._topics = Topics(ground.bootstrap_servers)
        name = self._topics.make("jobs-in", partitions=PARTITIONS)
        variables = {
            **versions.tiny.variables,
            "KAFKA_BOOTSTRAP_SERVERS": ground.bootstrap_servers,
            "INPUT_TOPIC": name,
            "OUTPUT_TOPIC": f"{name}.out",
            "JOBS_TOPIC": f"{name}.jobs",
            "JOB_RESULTS_TOPIC": f"{name}.job-results",
            "JOB_EVENTS_TOPIC": f"{name}.job-events",
            "DRIFT_EVENTS_TOPIC": f"{name}.drift-events",
            "GROUP_ID": f"group-{name}",
            **CLASSIC,  # who is killed is missed after three seconds, not 45
        }
        self._results_topic = variables["JOB_RESULTS_TOPIC"]
        found = [Variable(f"{PREFIX}{key}", value, "torture") for key, value in variables.items()]
        settings = load_settings(variables=found)
        made = create_topics(open_admin(admin_properties(settings)), settings, partitions=-1, replication_factor=1)
        for topic in made:
            self._topics.adopt(topic["name"])
        self._services = {
            # Its transaction is ended at once by its next start; without a name it would be after ten seconds.
            "worker": ServiceProcess({**variables, "MEMBER_ID": "worker"}, folder, roles=["jobs"], name="worker"),
            "sidecar": ServiceProcess(variables, folder, roles=["http"], name="sidecar"),
        }
        self._victims = [*self._services, "broker"]

    def run(self, jobs, rows_each, kills, seed):
        """Submit so many jobs, kill so often at random moments, and see all jobs through."""
        draw, began = random.Random(seed), time.monotonic()
        sizes = [draw.randrange(rows_each // 2, rows_each * 3 // 2) for _ in range(jobs)]
        victims = [self._victims[n % len(self._victims)] for n in range(kills)]
        draw.shuffle(victims)
        with ExitStack() as stack:
            for service in self._services.values():
                stack.enter_context(service)
            for service in self._services.values():
                service.await_ready()
            callers = JobCallers(self._services["sidecar"].url, self._versions, sizes)
            callers.start()
            stack.callback(callers.join)
            done = 0
            for victim in victims:
                self._watch(draw.uniform(*CALM_SECONDS))
                done += callers.running
                self._kill(victim, draw.uniform(*AWAY_SECONDS))
            while callers.running:
                self._watch(LOOK_SECONDS)
            stopped = {name: service.terminate() for name, service in self._services.items()}
        records = read_records(self._ground.bootstrap_servers, self._results_topic, at_least=1)
        twice = [which for which, count in Counter(map(name_result, records)).items() if count > 1]
        self._topics.delete_all()
        return Judged(
            jobs=jobs,
            rows=sum(sizes),
            statuses=callers.count_statuses(),
            kills=dict(Counter(victims)),
            results=len(records),
            chunks=sum(each.chunks for each in callers.ended),
            trouble=[
                *callers.wrong,
                *(f"{which} has two results" for which in twice[:3]),
                *(f"{kills - done} of {kills} kills came when all jobs had ended" for _ in range(done < kills)),
                *(f"the {name} ended with {code}" for name, code in stopped.items() if code),
            ],
            slowest_job_seconds=max((each.took_seconds for each in callers.ended), default=0.0),
            took_seconds=time.monotonic() - began,
        )

    def _kill(self, victim, away_seconds):
        if victim == "broker":
            with self._ground.without(0):
                self._watch(away_seconds)
            return
        self._services[victim].kill()
        time.sleep(away_seconds)
        self._services[victim].start()

    def _watch(self, seconds):
        """Let that much time pass, while nobody may end by itself."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for name, service in self._services.items():
                assert service.running, f"the {name} has ended: {service.last_words()}"
            time.sleep(LOOK_SECONDS)


def name_result(record):
    """Which chunk of which upload a result is of."""
    found = fastavro.schemaless_reader(io.BytesIO(record.value()[FRAME_BYTES:]), load_fixed(JOB_RESULT_ID), None)
    return f"chunk {found['chunk']} of {found['job_id']}, upload {found['submission']}"
