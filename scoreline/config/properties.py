"""librdkafka's properties by name: which there are, which client knows them, and which are scoreline's to set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from importlib import resources

MASK = "***"


class Scope(StrEnum):
    """The clients that a property, or a family of variables, is for."""

    EVERY = "every"
    CONSUMER = "consumer"
    PRODUCER = "producer"


FAMILIES = {"KAFKA_": Scope.EVERY, "CONSUMER_": Scope.CONSUMER, "PRODUCER_": Scope.PRODUCER}
"""Prefixes of pass-through variables, after `SCORELINE_`."""

_COMMITS = "offsets are committed by scoreline, after acknowledgement"
_IN_FLIGHT = "order and exactly one copy per send need the idempotent producer's own bound"
_ACKS = "a prediction counts as published only when all in-sync replicas have it"
REFUSED: Mapping[str, str] = {
    "group.id": "use SCORELINE_GROUP_ID",
    "group.instance.id": "use SCORELINE_STATIC_MEMBERSHIP with SCORELINE_MEMBER_ID",
    "transactional.id": "it is made from SCORELINE_GROUP_ID, the role and SCORELINE_MEMBER_ID",
    "enable.auto.commit": _COMMITS,
    "auto.commit.enable": _COMMITS,
    "enable.auto.offset.store": _COMMITS,
    "enable.idempotence": "the producer is always idempotent, or retries would double and reorder",
    "acks": _ACKS,
    "request.required.acks": _ACKS,
    "isolation.level": "the input is always read read_committed",
    "enable.partition.eof": "scoreline has to be told of ends, to know its position over what no reader is given",
    "max.in.flight": _IN_FLIGHT,
    "max.in.flight.requests.per.connection": _IN_FLIGHT,
    "partitioner": "a prediction goes to the partition that its source's number gives",
    "delivery.report.only.error": "scoreline counts acknowledgements, and decides which reports it needs for that",
    "statistics.interval.ms": "nobody would read them",
    "metadata.broker.list": "use SCORELINE_KAFKA_BOOTSTRAP_SERVERS",
    "sasl.jaas.config": "it is Java's; set sasl.username and sasl.password",
    "ssl.truststore.location": "it is Java's; set ssl.ca.location to a PEM file",
}
"""Properties that may not be set from outside, each with the reason."""

_SECRET_WORDS = ("password", "secret", "passphrase", "key.pem", "oauthbearer.config")


@dataclass(frozen=True, slots=True, repr=False)
class ClientProperties:
    """What the user asks of librdkafka, by the client that it is for; values are never shown where they are secret."""

    every: Mapping[str, str] = field(default_factory=dict)
    consumer: Mapping[str, str] = field(default_factory=dict)
    producer: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        shown = {
            scope.value: {name: mask_property(name, value) for name, value in self.of(scope).items()} for scope in Scope
        }
        return f"ClientProperties({shown})"

    def of(self, scope: Scope) -> Mapping[str, str]:
        """The properties of one family of variables."""
        return {Scope.EVERY: self.every, Scope.CONSUMER: self.consumer, Scope.PRODUCER: self.producer}[scope]


@cache
def known_properties() -> Mapping[str, Scope]:
    """Every property that librdkafka takes as text, and the clients that know it."""
    text = resources.files(__package__).joinpath("librdkafka.properties.txt").read_text("utf-8")
    lines = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {name: Scope(scope) for name, scope in lines}


def variable_suffix(name: str) -> str:
    """How a variable spells a property: `sasl.username` is `SASL_USERNAME`."""
    return name.replace(".", "_").upper()


@cache
def _by_suffix() -> Mapping[str, str]:
    return {variable_suffix(name): name for name in [*REFUSED, *known_properties()]}


def find_property(suffix: str) -> str | None:
    """The property that a variable's suffix spells, refused ones included; None where there is none."""
    return _by_suffix().get(suffix)


def find_nearest_property(suffix: str) -> str | None:
    """The suffix of the property that was probably meant."""
    nearest = get_close_matches(suffix, [s for s, name in _by_suffix().items() if name not in REFUSED], n=1)
    return nearest[0] if nearest else None


def is_secret(name: str) -> bool:
    """Whether a property's value may not be shown."""
    return any(word in name for word in _SECRET_WORDS)


def mask_property(name: str, value: str) -> str:
    """The value as it may be shown."""
    return MASK if is_secret(name) else value
