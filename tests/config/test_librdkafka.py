"""librdkafka's properties through variables: spelling, precedence, refusals, and the installed client's own word."""

import confluent_kafka
import pytest

from scoreline.config.environment import Variable
from scoreline.config.librdkafka import admin_properties, consumer_properties, producer_properties
from scoreline.config.properties import REFUSED, Scope, find_property, known_properties, variable_suffix
from scoreline.config.settings import Settings, load_settings
from scoreline.errors import ConfigError
from scoreline.kafka.client.clients import CONSUMER_INVARIANTS, PRODUCER_INVARIANTS


def load(**values):
    values = {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", **values}
    return load_settings(variables=[Variable(f"SCORELINE_{k}", v, "environment") for k, v in values.items()])


def problem_of(**values):
    with pytest.raises(ConfigError) as caught:
        load(**values)
    (problem,) = caught.value.problems
    return problem


def test_underscores_stand_for_dots():
    settings = load(KAFKA_SASL_USERNAME="me", CONSUMER_FETCH_QUEUE_BACKOFF_MS="5", KAFKA_LOG_LEVEL="3")

    assert consumer_properties(settings) == {
        "bootstrap.servers": "kafka:9092",
        "sasl.username": "me",
        "fetch.queue.backoff.ms": "5",
        "log_level": "3",
    }


def test_a_clients_own_family_wins_over_the_one_for_every_client():
    settings = load(
        KAFKA_CLIENT_ID="a", CONSUMER_CLIENT_ID="b", PRODUCER_CLIENT_ID="c", PRODUCER_BOOTSTRAP_SERVERS="other:9092"
    )

    assert admin_properties(settings)["client.id"] == "a"
    assert consumer_properties(settings)["client.id"] == "b"
    assert producer_properties(settings)["client.id"] == "c"
    assert consumer_properties(settings)["bootstrap.servers"] == "kafka:9092"
    assert producer_properties(settings)["bootstrap.servers"] == "other:9092"


def test_a_client_is_not_given_what_it_does_not_know():
    settings = load(KAFKA_LINGER_MS="9", KAFKA_FETCH_MIN_BYTES="8", KAFKA_CLIENT_RACK="r")

    assert set(admin_properties(settings)) == {"bootstrap.servers", "client.rack"}
    assert "linger.ms" not in consumer_properties(settings)
    assert "fetch.min.bytes" not in producer_properties(settings)


def test_the_member_names_the_clients():
    assert admin_properties(load(MEMBER_ID="pod-3"))["client.id"] == "pod-3"


@pytest.mark.parametrize("properties", [admin_properties, consumer_properties, producer_properties])
def test_without_a_broker_there_are_no_properties(properties):
    with pytest.raises(ConfigError, match="SCORELINE_KAFKA_BOOTSTRAP_SERVERS is not set"):
        properties(Settings())


@pytest.mark.parametrize("family", ["KAFKA", "CONSUMER", "PRODUCER"])
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_ours_to_set_is_refused_with_the_reason(family, name):
    problem = problem_of(**{f"{family}_{variable_suffix(name)}": "1"})

    assert problem == f"SCORELINE_{family}_{variable_suffix(name)}: {name} may not be set: {REFUSED[name]}"


def test_the_contracts_refusals_are_all_there():
    contract = {
        "group.id",
        "group.instance.id",
        "transactional.id",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "acks",
        "isolation.level",
        "enable.partition.eof",
        "partitioner",
    }
    in_flight = [name for name in known_properties() if name.startswith("max.in.flight")]

    assert len(in_flight) == 2
    assert contract | set(in_flight) <= set(REFUSED)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("KAFKA_SASL_USRNAME", "did you mean SCORELINE_KAFKA_SASL_USERNAME?"),
        ("CONSUMER_LINGER_MS", "linger.ms is a property of the producer; use SCORELINE_PRODUCER_LINGER_MS"),
        ("PRODUCER_FETCH_MIN_BYTES", "use SCORELINE_CONSUMER_FETCH_MIN_BYTES"),
        ("KAFKA_ERROR_CB", "librdkafka has no property 'error.cb'"),
        ("KAFKA_", "librdkafka has no property ''"),
    ],
)
def test_a_name_that_does_not_fit_says_what_would(name, expected):
    assert expected in problem_of(**{name: "1"})


class TestFiles:
    def test_give_the_value_of_any_property(self, tmp_path):
        (tmp_path / "password").write_text("hunter2\n")
        settings = load(KAFKA_SASL_PASSWORD_FILE=str(tmp_path / "password"))

        assert consumer_properties(settings)["sasl.password"] == "hunter2"
        assert settings.effective()["SCORELINE_KAFKA_SASL_PASSWORD"] == ("***", f"file {tmp_path / 'password'}")

    def test_are_not_read_where_a_property_has_that_very_name(self):
        settings = load(KAFKA_SASL_OAUTHBEARER_ASSERTION_FILE="/run/assertion")

        assert consumer_properties(settings)["sasl.oauthbearer.assertion.file"] == "/run/assertion"

    def test_beside_the_value_itself_are_refused(self, tmp_path):
        (tmp_path / "password").write_text("a")
        problem = problem_of(KAFKA_SASL_PASSWORD="b", KAFKA_SASL_PASSWORD_FILE=str(tmp_path / "password"))

        assert "are both set; keep one" in problem

    def test_that_are_absent_are_refused(self):
        assert "/nowhere cannot be read: No such file" in problem_of(KAFKA_SASL_PASSWORD_FILE="/nowhere")

    def test_do_not_help_a_refused_property(self):
        assert "group.id may not be set" in problem_of(CONSUMER_GROUP_ID_FILE="/nowhere")


def test_nothing_that_the_clients_overrule_can_be_set():
    overruled = {*CONSUMER_INVARIANTS, *PRODUCER_INVARIANTS}

    assert overruled <= set(REFUSED)


def ask_client(client, name):
    """The client takes properties in order, so that a wrong name after this one proves that it knew this one."""
    with pytest.raises(confluent_kafka.KafkaException) as caught:
        client({"group.id": "g", name: "\x01", "no.such.property": ""})
    return caught.value.args[0].str()


@pytest.mark.parametrize("client", [confluent_kafka.Consumer, confluent_kafka.Producer])
@pytest.mark.parametrize("scope", list(Scope))
def test_the_installed_client_knows_every_name_on_the_list(client, scope):
    names = [name for name, known_by in known_properties().items() if known_by is scope and name not in REFUSED]

    assert names
    assert [n for n in names if f'No such configuration property: "{n}"' in ask_client(client, n)] == []
    assert 'No such configuration property: "no.such.property"' in ask_client(client, "client.id")


def test_every_name_has_a_spelling_of_its_own():
    names = {*known_properties(), *REFUSED}

    assert len({variable_suffix(name) for name in names}) == len(names)
    assert all(find_property(variable_suffix(name)) == name for name in names)
