"""The table from the client's codes to our errors."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from scoreline.errors import FatalClientError, Refused, Unavailable
from scoreline.kafka.client.errors import REFUSALS, describe_error, find_remedy, translate_exception


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_says_what_to_do(code):
    error = KafkaError(code)
    assert find_remedy(error) in describe_error(error)
    assert isinstance(translate_exception(KafkaException(error), "no"), Refused)


@pytest.mark.parametrize(
    "code",
    [KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError.NOT_COORDINATOR],
)
def test_what_may_pass_is_unavailable(code):
    assert isinstance(translate_exception(KafkaException(KafkaError(code)), "no"), Unavailable)


@pytest.mark.parametrize(
    "text",
    [
        "SSL handshake failed: error:0A00010B:SSL routines::wrong version number",
        "broker certificate could not be verified, certificate verify failed",
        "error:0A000412:SSL routines::sslv3 alert bad certificate",
    ],
)
def test_a_transport_error_of_the_tls_layer_is_a_refusal(text):
    error = translate_exception(KafkaException(KafkaError(KafkaError._TRANSPORT, text)), "could not connect")
    assert isinstance(error, Refused)
    assert "SSL_CA_LOCATION" in str(error)


def test_a_token_that_cannot_be_had_is_no_matter_of_a_password():
    error = KafkaError(KafkaError._AUTHENTICATION, "Failed to acquire SASL OAUTHBEARER token: Failed to connect")
    assert "SCORELINE_KAFKA_SASL_OAUTHBEARER_*" in find_remedy(error)
    assert "PASSWORD" not in find_remedy(error)


def test_a_connection_that_is_closed_during_the_handshake_may_pass():
    """A proxy whose broker is away does so; that the port speaks no TLS is for a look at it to find out."""
    text = "SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a PLAINTEXT listener?"
    assert find_remedy(KafkaError(KafkaError._TRANSPORT, text)) is None


def test_a_fatal_error_is_fatal_whatever_its_code():
    error = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "no", fatal=True)
    assert isinstance(translate_exception(KafkaException(error), "could not poll"), FatalClientError)


def test_the_attempt_is_named():
    error = translate_exception(KafkaException(KafkaError(KafkaError._TIMED_OUT)), "could not list the topics")
    assert str(error).startswith("could not list the topics: _TIMED_OUT")
