"""What `scoreline check` finds before a start, with topics that are there in a dictionary."""

import json

import pytest

from scoreline.cli import preflight
from scoreline.cli.findings import Findings, State
from scoreline.cli.preflight_schemas import check_schemas
from scoreline.config.roles import Role
from scoreline.config.settings import Settings
from scoreline.errors import ModelRejected, Refused
from scoreline.features import Feature
from scoreline.kafka.cluster.admin import TopicDescription
from scoreline.models.model import ModelVersion
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.folder import write_schema
from scoreline.testing.fakes import WeightedSum
from tests.models.builders import MANIFEST


class FakeAdmin:
    """A cluster with every topic, where this user may do what is given, and join every group but `forbidden`."""

    def __init__(self, **allowed):
        self.allowed = allowed

    def reach(self, seconds, should_stop):
        pass

    def describe_topics(self, names):
        short = {n: n.replace("features.", "").replace("-letters", "").split(".")[0] for n in names}
        allowed = {n: self.allowed.get(short[n], frozenset()) for n in names}
        return {n: TopicDescription(n, 3, allowed_operations=operations) for n, operations in allowed.items()}

    def find_forbidden_group(self, group_id):
        return "this user may not" if group_id == "forbidden" else None


@pytest.fixture
def find_states(monkeypatch, tmp_path):
    def find(labels_topic=None, **allowed):
        monkeypatch.setattr(preflight, "open_admin", lambda properties: FakeAdmin(**allowed))
        settings = Settings(
            kafka_bootstrap_servers="127.0.0.1:1",
            model_store=str(tmp_path),
            schema_dir=tmp_path,
            labels_topic=labels_topic,
        )
        found = preflight.check_everything(settings, [Role.STREAM]).found
        return {f.item: (f.state, f.detail) for f in found if f.item.endswith("topic")}

    return find


def test_a_topic_of_labels_has_to_be_readable(find_states):
    read, write = frozenset({"DESCRIBE", "READ"}), frozenset({"DESCRIBE", "WRITE"})
    others = {"features": read, "predictions": write, "dead": write, "redrive": read}

    assert "labels topic" not in find_states(**others)
    assert find_states("truth", truth=read, **others)["labels topic"] == (State.OK, "truth: partitions: 3")
    refused = State.FAILED, "this user may not READ the topic truth; grant it"
    assert find_states("truth", truth=write, **others)["labels topic"] == refused


def test_a_topic_that_this_user_may_not_use_fails_as_it_would_at_a_start(find_states):
    read, write = frozenset({"DESCRIBE", "READ"}), frozenset({"DESCRIBE", "WRITE"})
    states = find_states(features=write, predictions=read, dead=write, redrive=write)

    assert states["input topic"] == (State.FAILED, "this user may not READ the topic features; grant it")
    assert states["output topic"] == (State.FAILED, "this user may not WRITE the topic predictions; grant it")
    assert states["dead-letter topic"][0] is State.OK
    assert states["redrive topic"] == (State.FAILED, "this user may not READ the topic features.redrive; grant it")


@pytest.mark.parametrize(("roles", "state"), [([Role.STREAM], State.FAILED), ([Role.HTTP], State.WARNING)])
def test_a_topic_for_drift_events_that_may_not_be_written_keeps_a_stream_from_starting(
    monkeypatch, tmp_path, roles, state
):
    admin = FakeAdmin(**{"drift-events": frozenset({"DESCRIBE"})})
    monkeypatch.setattr(preflight, "open_admin", lambda properties: admin)
    settings = Settings(kafka_bootstrap_servers="127.0.0.1:1", model_store=str(tmp_path), schema_dir=tmp_path)
    found = preflight.check_everything(settings, roles).found

    (finding,) = [f for f in found if f.item == "drift-events topic"]
    assert finding.state is state
    assert "this user may not WRITE the topic drift-events; grant it" in finding.detail


@pytest.mark.parametrize("hidden", ["features", "predictions"])
def test_nothing_is_said_of_the_settings_of_a_topic_that_this_user_may_not_see(monkeypatch, tmp_path, hidden):
    class HidingAdmin(FakeAdmin):
        def describe_topics(self, names):
            return {n: TopicDescription(n, 0 if n == hidden else 3) for n in names}

    monkeypatch.setattr(preflight, "open_admin", lambda properties: HidingAdmin())
    settings = Settings(kafka_bootstrap_servers="127.0.0.1:1", model_store=str(tmp_path), group_id="ours")
    findings = Findings()
    preflight.check_stream(settings, preflight.reach_kafka(settings, findings), findings)

    assert [f.detail for f in findings.found if f.state is State.WARNING] == []
    (failed,) = [f for f in findings.found if f.state is State.FAILED]
    assert f"the topic {hidden}, nor even DESCRIBE it, or it does not exist" in failed.detail


def test_a_broker_that_does_not_tell_what_is_allowed_is_given_the_benefit_of_the_doubt(find_states):
    unknown = frozenset()
    states = find_states(features=unknown, predictions=unknown, dead=unknown, redrive=unknown)

    assert {state for state, _ in states.values()} == {State.OK}


EVERYTHING = frozenset({"READ", "WRITE", "DESCRIBE"})


@pytest.fixture
def find_items(monkeypatch, tmp_path):
    """What is found about a cluster where all topics are well."""

    def find(admin=True, **settings):
        topics = {"features": EVERYTHING, "predictions": EVERYTHING, "dead": EVERYTHING, "redrive": EVERYTHING}
        if admin:
            monkeypatch.setattr(preflight, "open_admin", lambda properties: FakeAdmin(**topics))
        made = Settings(
            kafka_bootstrap_servers="127.0.0.1:1", startup_seconds=0.1, model_store=str(tmp_path), schema_dir=tmp_path
        ).model_copy(update=settings)
        return {f.item: f for f in preflight.check_everything(made, [Role.STREAM]).found}

    return find


def test_a_group_that_may_not_be_joined_fails(find_items):
    found = find_items(group_id="forbidden")["consumer group"]

    assert (found.state, found.detail, found.exit_code) == (State.FAILED, "this user may not", 3)


@pytest.mark.parametrize(
    ("settings", "state", "told"),
    [
        ({"group_id": "ours"}, State.OK, "ours"),
        ({"model": "delays"}, State.OK, "scoreline-delays"),
        ({}, State.SKIPPED, "without a model"),
        ({"group_id": "ours", "admin": False}, State.SKIPPED, "ours: not looked at without a broker"),
    ],
)
def test_the_group_is_looked_at_under_the_name_that_the_stream_will_have(find_items, settings, state, told):
    found = find_items(**settings)["consumer group"]

    assert found.state is state
    assert told in found.detail


def test_a_transactional_id_is_tried_under_exactly_once_only(find_items, monkeypatch):
    tried = []
    monkeypatch.setattr(preflight, "check_transactional_id", lambda _, name: tried.append(name))

    assert "transactional id" not in find_items(group_id="ours")
    found = find_items(group_id="ours", delivery="exactly-once")["transactional id"]

    assert (found.state, found.detail) == (State.OK, "ours-…: may be used")
    assert len(tried) == 1
    assert tried[0].startswith("ours-check-")


def test_a_transactional_id_that_is_refused_fails(find_items, monkeypatch):
    def refuse(properties, transactional_id):
        raise Refused("grant it")

    monkeypatch.setattr(preflight, "check_transactional_id", refuse)
    found = find_items(group_id="ours", delivery="exactly-once")["transactional id"]

    assert (found.state, found.exit_code) == (State.FAILED, 3)


class VerifiedVersions:
    """A loader for which some versions may not serve; remembers what it was asked for."""

    def __init__(self, bad=()):
        self.bad = bad
        self.verified = []

    def __call__(self, store, cache):
        return self

    def verify(self, name, number):
        self.verified.append(number)
        if number in self.bad:
            raise ModelRejected(f"{name} {number} may not serve: its golden rows give other scores")

    def load(self, name, number):
        return ModelVersion(name, number, "", WeightedSum([Feature("x")], [1.0]))


@pytest.fixture
def find_route_items(monkeypatch, tmp_path):
    """What is found of a store whose alias is a route, in order, on a cluster with or without a topic for shadows."""

    def find(route, *, loader, roles=(Role.STREAM,), shadow_topic=EVERYTHING):
        class RoutingAdmin(FakeAdmin):
            def describe_topics(self, names):
                found = {n: TopicDescription(n, 3, allowed_operations=EVERYTHING) for n in names}
                shadow = TopicDescription("predictions.shadow", 3, allowed_operations=shadow_topic or EVERYTHING)
                return (
                    {**found, shadow.name: shadow} if shadow_topic else {n: found[n] for n in names if n != shadow.name}
                )

        store = ModelStore(str(tmp_path / "store"))
        for _ in range(4):
            store.add_version(MANIFEST)
        store.set_alias("flights", "production", route, by="t")
        monkeypatch.setattr(preflight, "open_admin", lambda properties: RoutingAdmin())
        monkeypatch.setattr(preflight, "VersionLoader", loader)
        settings = Settings(
            kafka_bootstrap_servers="127.0.0.1:1",
            model_store=store.url,
            schema_dir=tmp_path / "schemas",
            cache_dir=tmp_path / "cache",
        )
        found = preflight.check_everything(settings, roles).found
        return [(f.item, f.state, f.detail) for f in found if f.item in {"model", "model version", "shadow topic"}]

    return find


def test_every_version_of_a_route_is_verified_shadows_among_them(find_route_items):
    loader = VerifiedVersions(bad={2, 3})
    model, *versions = find_route_items(Route.of({1: 90, 2: 10}, (3,)), loader=loader, roles=[Role.HTTP])

    assert model[1] is State.OK
    assert "production means versions 1 (0.9 of all), 2 (0.1 of all), shadowed by 3" in model[2]
    assert loader.verified == [1, 2, 3]
    assert [state for _, state, _ in versions] == [State.OK, State.FAILED, State.FAILED]
    assert "flights 2" in versions[1][2]
    assert "its golden rows give other scores" in versions[1][2]


@pytest.mark.parametrize(
    ("allowed", "state", "told"),
    [
        (EVERYTHING, State.OK, "predictions.shadow: partitions: 3"),
        (None, State.WARNING, "`scoreline topics create --shadow` makes it"),
        (frozenset({"DESCRIBE"}), State.WARNING, "may not WRITE the topic predictions.shadow"),
    ],
)
def test_a_route_with_shadows_wants_a_topic_for_them_but_goes_without(find_route_items, allowed, state, told):
    found = find_route_items(Route.of({1: 1}, (2,)), loader=VerifiedVersions(), shadow_topic=allowed)
    ((_, found_state, detail),) = [each for each in found if each[0] == "shadow topic"]

    assert found_state is state
    assert told in detail


def test_nobody_asks_for_a_topic_of_shadows_that_there_are_not(find_route_items):
    found = find_route_items(Route.of({1: 1, 2: 1}), loader=VerifiedVersions(), shadow_topic=None)

    assert [item for item, _, _ in found] == ["model", "model version", "model version"]


def test_a_version_that_lacks_a_field_is_named_and_a_shadow_that_does_is_a_warning(tmp_path):
    """Whom a shadow fails, it does not answer."""
    folder = tmp_path / "features-value"
    folder.mkdir()
    schema = {"type": "record", "name": "Features", "fields": [{"name": "a", "type": "double"}]}
    (folder / "1.avsc").write_text(json.dumps(schema))
    models = [WeightedSum([Feature(name)], [1.0]) for name in ("a", "b", "b")]
    versions = [ModelVersion("flights", number, "", model) for number, model in enumerate(models, 1)]
    write_schema(tmp_path, "predictions-value", prediction_schema())
    findings = Findings()
    check_schemas(Settings(schema_dir=tmp_path), versions, findings, shadows=[3])
    found = [(each.state, each.detail) for each in findings.found if each.item == "features"]
    assert [state for state, _ in found] == [State.OK, State.FAILED, State.WARNING]
    assert [f"version {number}" in detail for number, (_, detail) in enumerate(found, 1)] == [True] * 3
