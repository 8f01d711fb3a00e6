"""What the client library's error codes mean to scoreline: what passes, what someone has to act on, what is the end.

librdkafka repeats whatever may pass by itself, without end, so most codes call for nothing but counting them. The ones
below are refusals: the broker (or the TLS layer) has answered, and the same attempt will fail until someone acts.
"""

# ruff: noqa: SLF001 - the client's own codes, in contrast to the broker's, begin with an underscore
from confluent_kafka import KafkaError, KafkaException

from scoreline.errors import FatalClientError, Refused, ServiceError, Unavailable

TRANSPORT = KafkaError._TRANSPORT
TIMED_OUT = KafkaError._TIMED_OUT
FATAL = KafkaError._FATAL
PERMISSIONS = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED})
"""What a consumer may be refused at any time, and granted again."""

TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
MOVING = frozenset(
    {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS}
)
"""What is answered while the coordinator of a group is found, or moves."""

PURGES = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})
AUTO_OFFSET_RESET = KafkaError._AUTO_OFFSET_RESET
PARTITION_EOF = KafkaError._PARTITION_EOF
FENCINGS = frozenset({KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED})
"""Another producer has taken the transactional id, or the broker has taken this one for dead."""

_CREDENTIALS = "check SCORELINE_KAFKA_SASL_MECHANISM, SCORELINE_KAFKA_SASL_USERNAME and SCORELINE_KAFKA_SASL_PASSWORD"
_TOKENS = "check the variables SCORELINE_KAFKA_SASL_OAUTHBEARER_*, and whether the token endpoint answers"
_CERTIFICATES = (
    "check SCORELINE_KAFKA_SECURITY_PROTOCOL, SCORELINE_KAFKA_SSL_CA_LOCATION and, for mutual TLS, "
    "SCORELINE_KAFKA_SSL_CERTIFICATE_LOCATION and SCORELINE_KAFKA_SSL_KEY_LOCATION"
)
_MISSING_TOPIC = "create it with `scoreline topics create`, or correct its name"

REFUSALS: dict[int, str] = {
    KafkaError._AUTHENTICATION: _CREDENTIALS,
    KafkaError.SASL_AUTHENTICATION_FAILED: _CREDENTIALS,
    KafkaError.UNSUPPORTED_SASL_MECHANISM: _CREDENTIALS,
    KafkaError.ILLEGAL_SASL_STATE: _CREDENTIALS,
    KafkaError._SSL: _CERTIFICATES,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "grant this user READ on the input topics and WRITE on the output topics",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "grant this user READ on the consumer group SCORELINE_GROUP_ID",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "grant this user the operation on the cluster",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        "grant this user WRITE on the transactional ids that begin with SCORELINE_GROUP_ID and a hyphen"
    ),
    KafkaError.UNKNOWN_TOPIC_OR_PART: _MISSING_TOPIC,
    KafkaError._UNKNOWN_TOPIC: _MISSING_TOPIC,
    KafkaError._UNKNOWN_PARTITION: _MISSING_TOPIC,
    KafkaError.TOPIC_EXCEPTION: "a topic's name has at most 249 of the characters a-z A-Z 0-9 . _ -",
    KafkaError.POLICY_VIOLATION: "the broker's policy forbids it",
    KafkaError.INVALID_REPLICATION_FACTOR: "there are not enough brokers for that replication factor",
}
"""Code → what to do about it."""

UNSPECIFIC = frozenset({KafkaError._ALL_BROKERS_DOWN, TIMED_OUT, KafkaError._WAIT_COORD})
"""Codes that say that nothing works, and not why: they never hide a reason that was given before."""

_TLS_WORDS = ("certificate", "ssl handshake", "ssl routines", "tls alert")


def is_fatal(error: KafkaError) -> bool:
    """Whether the client can never go on; what a consumer's records carry says so by the code alone."""
    return bool(error.fatal() or error.code() == FATAL)


def find_remedy(error: KafkaError) -> str | None:
    """What someone has to do about a refusal; None for everything that may pass by itself."""
    remedy = REFUSALS.get(error.code())
    if remedy == _CREDENTIALS and "OAUTHBEARER token" in error.str():
        return _TOKENS
    if remedy is None and error.code() == TRANSPORT:
        text = error.str().lower()
        # A connection that is closed during the handshake may be a proxy's whose broker is away.
        refused = any(word in text for word in _TLS_WORDS) and "disconnected" not in text
        remedy = _CERTIFICATES if refused else None
    return remedy


def describe_error(error: KafkaError) -> str:
    """The error's name, what the library says, and what to do where that is known."""
    remedy = find_remedy(error)
    said = f"{error.name()}: {error.str()}"
    return said if remedy is None else f"{said}; {remedy}"


def translate_exception(raised: KafkaException, attempt: str) -> ServiceError:
    """The named error of ours for what a call of the client library raised.

    Args:
        attempt: what was being done, as in "could not create the topic x".
    """
    error: KafkaError = raised.args[0]
    message = f"{attempt}: {describe_error(error)}"
    if error.fatal():
        return FatalClientError(message)
    if find_remedy(error) is not None:
        return Refused(message)
    return Unavailable(message)
