"""What `scoreline check` finds about batch jobs."""

import pytest

from scoreline.cli import preflight_jobs
from scoreline.cli.findings import Findings, State
from scoreline.cli.job_topics import plan_job_topics
from scoreline.cli.preflight_jobs import check_jobs
from scoreline.config.environment import Variable
from scoreline.config.roles import Role
from scoreline.config.settings import Settings, load_settings
from scoreline.errors import Refused


class FakeAdmin:
    """A cluster with the topics of jobs as they are planned, but for those that are missing."""

    def __init__(self, settings, *missing):
        planned = plan_job_topics(settings, partitions=3)
        self.topics = {topic.name: topic for topic in planned if topic.name not in missing}

    def describe_topics(self, names):
        return {name: self.topics[name] for name in names if name in self.topics}

    def find_forbidden_group(self, group_id):
        return "this user may not" if group_id == "forbidden-jobs" else None


@pytest.fixture
def find(monkeypatch, tmp_path):
    tried = []
    monkeypatch.setattr(preflight_jobs, "check_transactional_id", lambda _, name: tried.append(name))
    settings = Settings(kafka_bootstrap_servers="127.0.0.1:1", schema_dir=tmp_path)

    def ask(*roles, missing=(), group_id="group", admin=True):
        findings = Findings()
        cluster = FakeAdmin(settings, *missing) if admin else None
        check_jobs(settings, roles, cluster, findings, group_id=group_id)
        return {f.item: (f.state, f.detail) for f in findings.found}

    ask.tried = tried
    return ask


def test_all_that_a_worker_needs_is_looked_at(find):
    found = find(Role.JOBS)

    assert {state for state, _ in found.values()} == {State.OK}
    assert "topic of jobs' dead letters" in found
    assert found["jobs' consumer group"][1] == "group-jobs"
    assert found["job schemas"][1] == "they have the ids 2000000001, 2000000002, 2000000003"
    assert find.tried[0].startswith("group-jobs-check-")


def test_a_topic_that_is_missing_keeps_a_worker_from_starting_and_a_sidecar_from_jobs_only(find):
    state, detail = find(Role.HTTP, Role.JOBS, missing=["job-events"])["topic of job events"]
    assert (state, detail) == (
        State.FAILED,
        "job-events does not exist; create it with `scoreline topics create`",
    )
    state, detail = find(Role.HTTP, missing=["job-events"])["topic of job events"]
    assert state is State.WARNING
    assert "/batch answers 503" in detail


def test_a_sidecar_needs_neither_group_nor_dead_letters(find):
    found = find(Role.HTTP, missing=["jobs.dead-letters"])

    assert {state for state, _ in found.values()} == {State.OK}
    assert "jobs' consumer group" not in found
    assert not find.tried


def test_a_group_that_may_not_be_joined_fails(find):
    assert find(Role.JOBS, group_id="forbidden")["jobs' consumer group"][0] is State.FAILED


def test_a_transactional_id_that_is_refused_fails(find, monkeypatch):
    def refuse(*_):
        raise Refused("TRANSACTIONAL_ID_AUTHORIZATION_FAILED")

    monkeypatch.setattr(preflight_jobs, "check_transactional_id", refuse)
    assert find(Role.JOBS)["jobs' transactional id"][0] is State.FAILED


def test_a_transactional_id_is_tried_with_the_time_outs_that_a_worker_has(monkeypatch, tmp_path):
    """Those of the stream, which a worker's shorter transactions would be refused with, are cut down for both."""
    tried = []
    monkeypatch.setattr(preflight_jobs, "check_transactional_id", lambda properties, _: tried.append(properties))
    asked = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "SCHEMA_DIR": str(tmp_path)}
    asked |= {"PRODUCER_MESSAGE_TIMEOUT_MS": "20000", "KAFKA_SOCKET_TIMEOUT_MS": "60000"}
    settings = load_settings(variables=[Variable(f"SCORELINE_{name}", value, "test") for name, value in asked.items()])
    check_jobs(settings, [Role.JOBS], FakeAdmin(settings), Findings(), group_id="group")

    (properties,) = tried
    assert (properties["message.timeout.ms"], properties["socket.timeout.ms"]) == (10_000, 10_100)


def test_without_a_broker_topics_are_not_looked_at(find):
    found = find(Role.HTTP, Role.JOBS, admin=False)

    assert found["topic of jobs"][0] is State.SKIPPED
    assert found["job schemas"][0] is State.OK
