"""How clients are configured: ours first, the user's over them, and what may not be otherwise over those."""

import logging

import pytest
from confluent_kafka import KafkaError, KafkaException

from scoreline.config.properties import REFUSED, Scope, known_properties
from scoreline.errors import ConfigError
from scoreline.kafka.client import clients
from scoreline.kafka.client.clients import fit_fetches, make_admin, make_consumer, make_producer
from scoreline.kafka.client.watch import ClientWatch

NOWHERE = {"bootstrap.servers": "127.0.0.1:1"}


@pytest.fixture
def given(monkeypatch):
    """What a client's constructor is given, as it would be."""
    seen = {}

    def keep(name):
        return lambda properties: seen.update(properties) or name

    for name in ("Consumer", "Producer", "AdminClient"):
        monkeypatch.setattr(clients, name, keep(name))
    return seen


def test_the_user_s_properties_win_over_our_defaults(given):
    make_producer({**NOWHERE, "linger.ms": "7", "compression.type": "zstd"})
    assert (given["linger.ms"], given["compression.type"]) == ("7", "zstd")


def test_nobody_wins_over_what_the_guarantees_rest_on(given):
    make_consumer({**NOWHERE, "group.id": "g", "enable.auto.commit": "true", "isolation.level": "read_uncommitted"})
    assert given["enable.auto.commit"] is False
    assert given["enable.auto.offset.store"] is False
    assert given["isolation.level"] == "read_committed"
    make_producer({**NOWHERE, "enable.idempotence": "false", "acks": "0"})
    assert (given["enable.idempotence"], given["acks"]) == (True, "all")


def test_a_group_starts_at_the_earliest_record_unless_told_otherwise(given):
    make_consumer({**NOWHERE, "group.id": "g"})
    assert given["auto.offset.reset"] == "earliest"


def test_the_new_group_protocol_is_given_no_property_of_the_old_one(given):
    make_consumer({**NOWHERE, "group.id": "g", "group.protocol": "consumer"})
    assert "partition.assignment.strategy" not in given
    make_consumer({**NOWHERE, "group.id": "g"})
    assert given["partition.assignment.strategy"] == "range"


@pytest.mark.parametrize("asked", [{}, {"message.max.bytes": "10000000"}])
def test_the_client_takes_a_small_fetch_also_where_records_may_be_large(asked):
    """It refuses to fetch less at once than one record may be."""
    make_consumer({**NOWHERE, "group.id": "g", **fit_fetches(asked, 2_097_152), **asked}).close()


@pytest.mark.parametrize("group_protocol", ["classic", "consumer"])
def test_the_installed_client_takes_every_property_of_ours(group_protocol):
    make_consumer({**NOWHERE, "group.id": "g", "group.protocol": group_protocol}).close()
    make_producer(NOWHERE).close()
    make_admin(NOWHERE)


def test_each_property_of_ours_is_one_that_the_client_knows():
    known = known_properties()
    for ours, scope in (
        (clients.CONSUMER_DEFAULTS | clients.CLASSIC_DEFAULTS, Scope.CONSUMER),
        (clients.PRODUCER_DEFAULTS, Scope.PRODUCER),
    ):
        assert {name for name in ours if known[name] not in (Scope.EVERY, scope)} == set()


def test_each_guarantee_is_refused_to_the_user_beforehand():
    settled_elsewhere = {"statistics.interval.ms", "delivery.report.only.error"}
    ours = {**clients.CONSUMER_INVARIANTS, **clients.PRODUCER_INVARIANTS}
    assert set(ours) - settled_elsewhere <= set(REFUSED)


@pytest.mark.parametrize(
    ("make", "wrong", "variable"),
    [
        (make_producer, {"linger.ms": "soon"}, "SCORELINE_PRODUCER_QUEUE_BUFFERING_MAX_MS"),
        (make_producer, {"compression.type": "rar"}, "SCORELINE_PRODUCER_COMPRESSION_CODEC"),
        (make_consumer, {"auto.offset.reset": "sometimes"}, "SCORELINE_CONSUMER_AUTO_OFFSET_RESET"),
        (make_consumer, {"group.protocol": "consumer", "session.timeout.ms": "6000"}, "SESSION_TIMEOUT_MS"),
        (make_admin, {"security.protocol": "carrier pigeon"}, "SCORELINE_KAFKA_SECURITY_PROTOCOL"),
        (make_admin, {"no.such.thing": "1"}, "SCORELINE_KAFKA_NO_SUCH_THING"),
    ],
)
def test_a_property_that_the_client_does_not_take_names_its_variable(make, wrong, variable):
    group = {"group.id": "g"} if make is make_consumer else {}
    with pytest.raises(ConfigError, match=variable):
        make({**NOWHERE, **group, **wrong})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"sasl.mechanism": "SCRAM-SHA-512"}, "SASL_USERNAME and SCORELINE_KAFKA_SASL_PASSWORD: .* must be set"),
        ({}, "SCORELINE_KAFKA_SASL_MECHANISM: .* GSSAPI.* set it to .*SCRAM-SHA-512"),
        ({"sasl.mechanism": "NONSENSE"}, "SCORELINE_KAFKA_SASL_MECHANISM: .* NONSENSE"),
        ({"security.protocol": "SSL", "ssl.ca.location": "/nowhere.pem"}, "SCORELINE_KAFKA_SSL_CA_LOCATION: "),
        ({"security.protocol": "SSL", "ssl.key.location": "/nowhere.pem"}, "SCORELINE_KAFKA_SSL_KEY_LOCATION: "),
    ],
)
def test_what_is_missing_for_security_names_its_variables(wrong, told):
    with pytest.raises(ConfigError, match=told):
        make_admin({**NOWHERE, "security.protocol": "SASL_PLAINTEXT", **wrong})


def test_a_refusal_without_a_property_is_told_in_the_client_s_words():
    def refuse(properties):
        raise KafkaException(KafkaError(KafkaError._INVALID_ARG, "no memory"))

    with pytest.raises(ConfigError, match="the Kafka client refuses its configuration: no memory"):
        clients._construct(refuse, NOWHERE, None, None)


def test_errors_and_the_client_s_log_go_to_the_watch(given):
    watch = ClientWatch(None, clock=lambda: 0.0)
    make_admin(NOWHERE, watch=watch)
    given["error_cb"](KafkaError(KafkaError._TRANSPORT, "refused"))
    assert watch.counts["_TRANSPORT"] == 1
    assert given["logger"] is watch


def test_the_client_s_log_reaches_python_s_through_a_poll(caplog):
    with caplog.at_level(logging.WARNING, "scoreline.kafka"):
        producer = make_producer({**NOWHERE, "reconnect.backoff.ms": "1"})
        while not caplog.records:
            producer.poll(0.01)
        producer.close()
    assert {r.event for r in caplog.records} == {"kafka_client_log"}
