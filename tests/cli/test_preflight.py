"""What `scoreline check` finds before a start, with topics that are there in a dictionary."""

import pytest

from scoreline.cli import preflight
from scoreline.cli.findings import State
from scoreline.config.roles import Role
from scoreline.config.settings import Settings
from scoreline.kafka.admin import TopicDescription


class FakeAdmin:
    """A cluster with every topic, where this user may do what is given."""

    def __init__(self, **allowed):
        self.allowed = allowed

    def reach(self, seconds, should_stop):
        pass

    def describe_topics(self, names):
        allowed = {n: self.allowed[n.replace("features.", "").replace("-letters", "").split(".")[0]] for n in names}
        return {n: TopicDescription(n, 3, allowed_operations=operations) for n, operations in allowed.items()}


@pytest.fixture
def find_states(monkeypatch, tmp_path):
    def find(**allowed):
        monkeypatch.setattr(preflight, "open_admin", lambda properties: FakeAdmin(**allowed))
        settings = Settings(kafka_bootstrap_servers="127.0.0.1:1", model_store=str(tmp_path), schema_dir=tmp_path)
        found = preflight.check_everything(settings, [Role.STREAM]).found
        return {f.item: (f.state, f.detail) for f in found if f.item.endswith("topic")}

    return find


def test_a_topic_that_this_user_may_not_use_fails_as_it_would_at_a_start(find_states):
    read, write = frozenset({"DESCRIBE", "READ"}), frozenset({"DESCRIBE", "WRITE"})
    states = find_states(features=write, predictions=read, dead=write, redrive=write)

    assert states["input topic"] == (State.FAILED, "this user may not READ the topic features; grant it")
    assert states["output topic"] == (State.FAILED, "this user may not WRITE the topic predictions; grant it")
    assert states["dead-letter topic"][0] is State.OK
    assert states["redrive topic"] == (State.FAILED, "this user may not READ the topic features.redrive; grant it")


def test_a_broker_that_does_not_tell_what_is_allowed_is_given_the_benefit_of_the_doubt(find_states):
    unknown = frozenset()
    states = find_states(features=unknown, predictions=unknown, dead=unknown, redrive=unknown)

    assert {state for state, _ in states.values()} == {State.OK}
