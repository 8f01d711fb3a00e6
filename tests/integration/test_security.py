"""Kafka with locks: the service with exactly what the documentation grants, and every refusal with its reason."""

import json
import os
import re
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from confluent_kafka import TopicPartition

from scoreline.cli.topics import create_topics
from scoreline.config.librdkafka import admin_properties
from scoreline.demo.encoding import FlightEncoder
from scoreline.demo.flights import flight_schema
from scoreline.errors import Refused
from scoreline.kafka.client.clients import make_consumer, make_producer
from scoreline.kafka.cluster.admin import open_admin
from scoreline.kafka.publishing.transactional_id import check_transactional_id
from scoreline.schemas.folder import write_schema
from scoreline.testing.certificates import CertificateAuthority
from scoreline.testing.consume import await_committed, produce_records, read_records
from scoreline.testing.secured import Grant
from scoreline.testing.topics import Topics
from scoreline.transport.record import StoredRecord
from tests.integration.commands import run_command
from tests.integration.job_calls import await_job, read_results, submit, to_lines
from tests.integration.predictions import decode_prediction
from tests.integration.secured import as_variables, documented_for, judge_check, judge_start, make_parts, make_settings

pytestmark = pytest.mark.kafka

PASSWORD = "correct horse"
RUN = documented_for("`run`")
EXACTLY_ONCE = documented_for("exactly-once")
JOBS = [*documented_for("role jobs"), *documented_for("`/batch`")]


class World:
    """Topics, a group and a configuration on the secured broker, and users who are granted rows of the page."""

    def __init__(self, secured, store, folder, name):
        self.secured = secured
        self.side_door = secured.broker.bootstrap_servers
        self.topics = Topics(self.side_door)
        self.input, self.output, self.letters = (self.topics.make(f"{name}-{kind}") for kind in ("in", "out", "dead"))
        self.redrive = self.topics.make(f"{self.input}.redrive", exact=True)
        self.labels = self.topics.make(f"{self.input}-labels", exact=True)
        self.drift_events = self.topics.make(f"{self.input}-drift", exact=True)
        self.encoder = FlightEncoder(write_schema(folder / "schemas", f"{self.input}-value", flight_schema()))
        self.names = {
            "INPUT_TOPIC": self.input,
            "OUTPUT_TOPIC": self.output,
            "DEAD_LETTER_TOPIC": self.letters,
            "REDRIVE_TOPIC": self.redrive,
            "LABELS_TOPIC": self.labels,
            "GROUP_ID": f"{self.input}-group",
            "JOBS_TOPIC": f"{self.input}-jobs",
            "JOB_RESULTS_TOPIC": f"{self.input}-results",
            "JOB_EVENTS_TOPIC": f"{self.input}-events",
            "DRIFT_EVENTS_TOPIC": self.drift_events,
        }
        self.base = {
            **self.names,
            "MODEL_STORE": str(store / "models"),
            "CACHE_DIR": str(store / "cache"),
            "SCHEMA_DIR": str(folder / "schemas"),
            "ID_FIELD": "id",
            "CONSUMER_SESSION_TIMEOUT_MS": "6000",
        }

    def variables(self, properties):
        return {**self.base, **as_variables(properties)}

    def grants(self, rows=RUN):
        return [row.fill(self.names) for row in rows]

    def enter(self, user, grants):
        """A user with a password and exactly these grants."""
        self.secured.set_password(user, PASSWORD)
        self.secured.grant(user, list(dict.fromkeys(grants)))
        return self.secured.scram(user, PASSWORD)

    def produce(self, rows, first=0):
        records = [
            StoredRecord("", 0, 0, b"%d" % n, self.encoder.encode({**row, "id": str(n)}))
            for n, row in enumerate(rows, first)
        ]
        produce_records(self.side_door, self.input, records)

    def predictions(self, count, within_seconds=30.0):
        """Ids and values of what is on the output topic, once there are so many."""
        records = read_records(self.side_door, self.output, at_least=count, within_seconds=within_seconds)
        return {int(p["id"]): p["prediction"] for p in map(decode_prediction, records)}


@pytest.fixture(scope="module")
def make_world(secured_kafka, flights_store, tmp_path_factory):
    worlds = []

    def make(name):
        worlds.append(World(secured_kafka, flights_store, tmp_path_factory.mktemp(name), name))
        return worlds[-1]

    yield make
    for world in worlds:
        world.topics.delete_all()


@pytest.mark.parametrize("way", ["scram", "certificate", "token"])
def test_features_become_predictions_with_what_the_page_grants_and_nothing_else(
    make_world, scoreline_service, streamed_flights, way
):
    """Read, scored, dead letters written, offsets committed, group left: over TLS, as each kind of user.

    Under the new group protocol as well.
    """
    world = make_world(way)
    world.secured.grant(way, world.grants())
    if way == "scram":
        world.secured.set_password(way, PASSWORD)
        properties = world.secured.scram(way, PASSWORD)
    else:
        properties = world.secured.certified(way) if way == "certificate" else world.secured.bearer(way)
    rows = streamed_flights.rows[:200]
    world.produce(rows)
    produce_records(world.side_door, world.input, [StoredRecord("", 0, 0, b"bad", b"nonsense")])

    variables = world.variables(properties)
    if way == "token":
        variables["CONSUMER_GROUP_PROTOCOL"] = "consumer"
        del variables["CONSUMER_SESSION_TIMEOUT_MS"]  # the broker's to set then
    assert judge_check(variables)[:2] == (0, "")
    service = scoreline_service(variables, roles=["stream"]).start().await_ready()

    found = world.predictions(len(rows))
    assert np.array_equal([found[n] for n in range(len(rows))], streamed_flights.expected[: len(rows)])
    (letter,) = read_records(world.side_door, world.letters, at_least=1)
    assert letter.key() == b"bad"
    await_committed(world.side_door, world.names["GROUP_ID"], world.input)
    assert service.terminate() == 0


def change(properties, **changes):
    """Properties with some of them set otherwise, or taken out where the value is None."""
    changed = {**properties, **{name.replace("_", "."): value for name, value in changes.items()}}
    return {name: value for name, value in changed.items() if value is not None}


@pytest.fixture(scope="module")
def wrong_connections(make_world, tmp_path_factory):
    """Each way of coming to a broker that is wrong in one thing, with the variables that it is asked for."""
    world = make_world("wrong")
    ports = world.secured.broker.ports
    other = CertificateAuthority(tmp_path_factory.mktemp("other"), "other")
    stranger = other.issue("stranger")
    scram = world.enter("wrong", world.grants())
    world.secured.grant("wrong-certified", world.grants())
    certified = world.secured.certified("wrong-certified")
    address = {door: f"127.0.0.1:{port}" for door, port in ports.locked.items()}
    return world, {
        "password": change(scram, sasl_password="mistyped"),
        "user": change(scram, sasl_username="nobody"),
        "mechanism": change(scram, sasl_mechanism="PLAIN"),
        "authority": change(scram, ssl_ca_location=str(other.certificate)),
        "host name": change(scram, bootstrap_servers=f"localhost:{ports.locked['SASL_SSL']}"),
        "no certificate": change(certified, ssl_certificate_location=None, ssl_key_location=None),
        "strange certificate": change(
            certified, ssl_certificate_location=str(stranger.chain), ssl_key_location=str(stranger.key)
        ),
        "plain on TLS": {"bootstrap.servers": address["SSL"]},
        "TLS on plain": change(scram, bootstrap_servers=world.side_door),
        "no user": change(certified, bootstrap_servers=address["SASL_SSL"]),
        "user for nobody": change(scram, bootstrap_servers=world.side_door, security_protocol="SASL_PLAINTEXT"),
    }


CONNECTIONS = {
    "password": r"Authentication failed.*SCORELINE_KAFKA_SASL_PASSWORD",
    "user": r"Authentication failed.*SCORELINE_KAFKA_SASL_USERNAME",
    "mechanism": r"Unsupported SASL mechanism.*SCRAM-SHA-512.*SCORELINE_KAFKA_SASL_MECHANISM",
    "authority": r"certificate that is not believed.*SCORELINE_KAFKA_SSL_CA_LOCATION",
    "host name": r"Hostname mismatch.*localhost.*SCORELINE_KAFKA_BOOTSTRAP_SERVERS",
    "no certificate": r"certificate required.*SCORELINE_KAFKA_SSL_CERTIFICATE_LOCATION",
    "strange certificate": r"certificate required.*SCORELINE_KAFKA_SSL_CERTIFICATE_LOCATION",
    "plain on TLS": r"speaks TLS: set SCORELINE_KAFKA_SECURITY_PROTOCOL to SSL",
    "TLS on plain": r"speaks no TLS: set SCORELINE_KAFKA_SECURITY_PROTOCOL to PLAINTEXT",
    "no user": r"asks for a user \(SASL\): set SCORELINE_KAFKA_SECURITY_PROTOCOL to SASL_SSL",
    "user for nobody": r"asks for no user \(SASL\): set SCORELINE_KAFKA_SECURITY_PROTOCOL to PLAINTEXT",
}


@pytest.fixture(scope="module")
def missing_grants(make_world):
    """For each documented grant users who have all but that one; some who may only look, some who may not even."""
    world = make_world("missing")
    everything = world.grants()
    lists = {str(row): [g for g in everything if g != row.fill(world.names)] for row in RUN}
    lists["only DESCRIBE"] = [g._replace(operation="DESCRIBE") for g in everything]
    lists["nothing"] = []
    named = {}
    for number, (label, grants) in enumerate(lists.items()):
        named[label, "password"] = world.enter(f"missing-{number}", grants)
        certified = f"missing-certified-{number}"
        world.secured.grant(certified, grants)
        named[label, "certificate"] = world.secured.certified(certified)
    return world, named


@pytest.fixture(scope="module")
def verdicts(wrong_connections, missing_grants):
    """What `check` and the start of `run` say in every case: asked at once, because they mostly wait."""
    cases = {}
    for world, named in (wrong_connections, missing_grants):
        cases |= {label: world.variables(properties) for label, properties in named.items()}
    parts = make_parts(world.variables({"bootstrap.servers": world.side_door}))
    with ThreadPoolExecutor(8) as pool:
        asked = {
            label: (pool.submit(judge_check, variables), pool.submit(judge_start, parts, variables))
            for label, variables in cases.items()
        }
        return {label: [answer.result() for answer in answers] for label, answers in asked.items()}


def expect_refusal(verdict, pattern):
    """Exit 3, in time, and in these words."""
    assert verdict.exit_code == 3
    assert re.search(pattern, verdict.said), verdict.said
    assert verdict.seconds < 10


@pytest.mark.parametrize("label", CONNECTIONS)
def test_a_refused_connection_ends_check_and_start_in_time_with_cause_and_cure(verdicts, label):
    for verdict in verdicts[label]:
        expect_refusal(verdict, CONNECTIONS[label])


@pytest.mark.parametrize("way", ["password", "certificate"])
@pytest.mark.parametrize("row", RUN, ids=str)
def test_each_grant_of_the_page_is_needed_and_named_where_it_is_missing(missing_grants, verdicts, row, way):
    kind, name, verb = row.fill(missing_grants[0].names)
    for verdict in verdicts[str(row), way]:
        expect_refusal(verdict, f"this user may not {verb} the (consumer )?{kind} {re.escape(name)}\\b.*grant it")
        assert verdict.said.count("may not") == 1


@pytest.mark.parametrize("way", ["password", "certificate"])
@pytest.mark.parametrize("label", ["only DESCRIBE", "nothing"])
def test_all_that_is_missing_is_named_at_once(missing_grants, verdicts, label, way):
    for verdict in verdicts[label, way]:
        for row in RUN:
            kind, name, verb = row.fill(missing_grants[0].names)
            expect_refusal(verdict, f"may not {verb} the (consumer )?{kind} {re.escape(name)}\\b")
        assert ("or it does not exist" in verdict.said) == (label == "nothing")


def test_a_command_ends_with_exit_3_in_time_from_its_first_import_on(wrong_connections):
    """As people run them; what they compute is not counted, because other processes may slow that down."""
    world, connections = wrong_connections
    for command, label in (("check", "host name"), ("run", "password")):
        began, computed = time.monotonic(), computed_seconds()
        done = run_command([command, "--role", "stream"], {**world.variables(connections[label]), "HTTP_PORT": "0"})
        waited = time.monotonic() - began - (computed_seconds() - computed)
        assert done.returncode == 3, done.stderr
        assert waited < 10
        assert re.search(CONNECTIONS[label], " ".join((done.stdout + done.stderr).split()))


def computed_seconds():
    """Of processors, by all processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system


def test_the_page_grants_what_creating_topics_needs(make_world):
    world = make_world("creating")
    names = {name: f"{value}-new" for name, value in world.names.items()}
    grants = [row.fill(names) for row in [*RUN, *JOBS, *documented_for("`topics create`")]]
    settings = make_settings({**world.variables(world.enter("creator", grants)), **names})
    admin = open_admin(admin_properties(settings))
    admin.reach(10, lambda: False)
    made = create_topics(admin, settings, partitions=2, replication_factor=1)
    created = [
        names[kind] for kind in ("INPUT_TOPIC", "OUTPUT_TOPIC", "DEAD_LETTER_TOPIC", "REDRIVE_TOPIC", "LABELS_TOPIC")
    ]
    created += [names["JOBS_TOPIC"], names["JOB_RESULTS_TOPIC"], names["JOB_EVENTS_TOPIC"]]
    created.append(names["DRIFT_EVENTS_TOPIC"])
    created += [f"{names['JOBS_TOPIC']}.bulk", f"{names['JOBS_TOPIC']}.dead-letters"]
    created.append(f"{names['DEAD_LETTER_TOPIC']}.redriven")
    assert sorted((row["name"], row["state"]) for row in made) == sorted((name, "created") for name in created)


def test_jobs_are_submitted_scored_and_read_with_what_the_page_grants_and_nothing_else(
    make_world, scoreline_service, streamed_flights
):
    """The two roles as users of their own, neither of whom may do what the other does."""
    world = make_world("jobbing")
    settings = make_settings(world.variables({"bootstrap.servers": world.side_door}))
    admin = open_admin({"bootstrap.servers": world.side_door})
    for row in create_topics(admin, settings, partitions=1, replication_factor=1):
        if row["state"] == "created":
            world.topics.adopt(row["name"])
    users = {
        role: world.variables(world.enter(f"jobbing-{role}", world.grants(documented_for(purpose))))
        for role, purpose in (("jobs", "role jobs"), ("http", "`/batch`"))
    }
    worker = scoreline_service(users["jobs"], roles=["jobs"], name="worker").start()
    sidecar = scoreline_service(users["http"], roles=["http"], name="sidecar").start()
    worker.await_ready()
    sidecar.await_ready()
    rows = streamed_flights.rows[:300]
    job = await_job(sidecar.url, submit(sidecar.url, to_lines(rows))["job_id"])
    assert (job["status"], job["rows_failed"]) == ("succeeded", 0)
    assert [r["prediction"] for r in read_results(sidecar.url, job["job_id"])] == streamed_flights.expected[
        :300
    ].tolist()
    assert worker.terminate() == sidecar.terminate() == 0


@pytest.fixture(scope="module")
def transactional(make_world):
    """Properties of a user who may do everything under exactly-once, of one who may not, and the group."""
    world = make_world("transactional")
    return (
        world.enter("transactional", world.grants([*RUN, *EXACTLY_ONCE])),
        world.enter("not-transactional", world.grants()),
        world,
    )


def test_a_transactional_id_may_be_used_under_the_prefix_that_the_page_grants(transactional):
    properties, _, world = transactional
    check_transactional_id(properties, f"{world.names['GROUP_ID']}-check-1")


def test_a_transactional_id_that_may_not_be_used_is_refused_in_time_with_the_cure(transactional):
    properties, others, world = transactional
    began = time.monotonic()
    with pytest.raises(Refused, match=r"TRANSACTIONAL_ID_AUTHORIZATION_FAILED.*grant this user WRITE.*GROUP_ID"):
        check_transactional_id(others, f"{world.names['GROUP_ID']}-check-1")
    with pytest.raises(Refused, match="another-check-1"):
        check_transactional_id(properties, "another-check-1")
    assert time.monotonic() - began < 10


def test_a_transaction_is_committed_with_what_the_page_grants_and_nothing_else(transactional):
    """A prediction and the offset of its record, as the exactly-once delivery writes them."""
    properties, _, world = transactional
    consumer = make_consumer({**properties, "group.id": world.names["GROUP_ID"]})
    producer = make_producer({**properties, "transactional.id": f"{world.names['GROUP_ID']}-stream-1"})
    try:
        producer.init_transactions(10)
        producer.begin_transaction()
        producer.produce(world.output, b"prediction")
        producer.send_offsets_to_transaction(
            [TopicPartition(world.input, 0, 1)], consumer.consumer_group_metadata(), 10
        )
        producer.commit_transaction(10)
        (committed,) = consumer.committed([TopicPartition(world.input, 0)], 10)
    finally:
        consumer.close()
        producer.close()
    assert [r.value() for r in read_records(world.side_door, world.output, at_least=1)] == [b"prediction"]
    assert committed.offset == 1


def read_health(service):
    """What the service says of itself, by component."""
    try:
        with urllib.request.urlopen(f"{service.url}/health", timeout=5) as answer:
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            told = json.load(error)
    return told


def await_unready(service, pattern, within_seconds=20.0):
    """Wait until it is unready, with words like these."""
    deadline = time.monotonic() + within_seconds
    while True:
        told = json.dumps(read_health(service))
        if service.ask("/health/ready") == 503 and re.search(pattern, told):
            return
        assert time.monotonic() < deadline, told
        time.sleep(0.05)


def test_what_is_withdrawn_while_it_runs_makes_it_unready_and_it_goes_on_when_it_is_back(
    make_world, scoreline_service, streamed_flights
):
    """Group, input, output, password: named, nothing lost, and no restart."""
    world = make_world("withdrawn")
    secured, names = world.secured, world.names
    rows = streamed_flights.rows
    # Whoever may look at the input gets no error for asking after it: only the fetch is refused then.
    properties = world.enter("withdrawn", [*world.grants(), Grant("topic", world.input, "DESCRIBE")])
    service = scoreline_service(world.variables(properties), roles=["stream"]).start().await_ready()
    world.produce(rows[:50])
    assert len(world.predictions(50)) == 50
    produced = 50
    # Nothing is written to dead letters, and neither labels nor drift are worth being unready for.
    spared = world.letters, world.labels, world.drift_events
    for row in (row for row in RUN if row.fill(names).name not in spared):
        grant = row.fill(names)
        secured.withdraw("withdrawn", [grant])
        world.produce(rows[produced : produced + 50], produced)
        produced += 50
        await_unready(service, f"(may not {grant.operation} .*{grant.name})|({grant.name}.*TOPIC_AUTHORIZATION_FAILED)")
        secured.grant("withdrawn", [grant])
        service.await_ready()
    secured.set_password("withdrawn", "another")
    await_unready(service, "Authentication failed.*SASL_PASSWORD")
    secured.set_password("withdrawn", PASSWORD)
    service.await_ready()
    world.produce(rows[produced : produced + 50], produced)
    assert set(world.predictions(produced + 50)) == set(range(produced + 50))
    assert service.terminate() == 0
