"""Makes Kafka clients: scoreline's defaults, then what the user asks for, then what may not be otherwise."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from scoreline.errors import ConfigError
from scoreline.kafka.client.watch import ClientWatch

Client = TypeVar("Client", Consumer, Producer, AdminClient)
Properties = Mapping[str, Any]
OnCommit = Callable[[KafkaError | None, list[TopicPartition]], None]
OnDelivery = Callable[[KafkaError | None, Message], None]

_MECHANISMS = "SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or OAUTHBEARER"

EVERY_DEFAULTS: Properties = {
    "client.id": "scoreline",
    "reconnect.backoff.max.ms": 2000,  # 10 s as delivered: a broker that is back would not be noticed for that long
    "socket.keepalive.enable": True,  # a load balancer that forgot an idle connection is found before it is needed
}
CONSUMER_DEFAULTS: Properties = {
    **EVERY_DEFAULTS,
    "auto.offset.reset": "earliest",  # a group that is new scores everything, rather than silently nothing
    "fetch.queue.backoff.ms": 10,  # 1 s as delivered: a consumer that drains its queue would stall for that long
    "fetch.wait.max.ms": 100,  # only while idle; a rewind waits for the fetch that is under way
    "queued.min.messages": 20_000,  # per partition: some ten batches ahead
    "queued.max.messages.kbytes": 32_768,  # over all partitions, so that memory does not grow with the backlog
    "fetch.max.bytes": 16_777_216,  # what one answer may add to that
}
CLASSIC_DEFAULTS: Properties = {
    "partition.assignment.strategy": "range",  # eager: the shortest pause when a member joins (docs/operations.md)
}
COOPERATIVE = "cooperative-sticky"
PRODUCER_DEFAULTS: Properties = {
    **EVERY_DEFAULTS,
    "linger.ms": 20,  # the flush that ends every batch sends at once; until then, fewer and larger requests
    "compression.type": "lz4",  # a tenth of a microsecond a record for a good part of the network and the disk
    "message.timeout.ms": 0,  # without end: giving up and sending again is what loses the order
    "message.max.bytes": 64_000_000,  # the topic decides what is too large, not a default of this client
    "queue.buffering.max.kbytes": 131_072,  # a batch and its dead letters many times over
}

TRANSACTION_DEFAULTS: Properties = {
    **{name: value for name, value in PRODUCER_DEFAULTS.items() if name != "message.timeout.ms"},  # the transaction's
    "linger.ms": 5,  # the commit that ends every batch sends at once
    "transaction.timeout.ms": 30_000,  # well over the 9 s and more that it takes to notice a broker that has died
    "retry.backoff.ms": 5,  # 100 as delivered: offsets that follow a commit closely would be that late
}
ADMIN_DEFAULTS: Properties = {
    **EVERY_DEFAULTS,
    "allow.auto.create.topics": False,  # true as delivered: asking for a topic that was deleted would bring it back
}

EVERY_INVARIANTS: Properties = {
    "statistics.interval.ms": 0,  # nobody would read them
}
CONSUMER_INVARIANTS: Properties = {
    **EVERY_INVARIANTS,
    "enable.auto.commit": False,  # only what was acknowledged is committed
    "enable.auto.offset.store": False,  # the same, for the client's own store
    "isolation.level": "read_committed",  # what a producer has rolled back was never there
    "enable.partition.eof": False,  # the end of a partition is no error
}
MEMBER_INVARIANTS: Properties = {
    **CONSUMER_INVARIANTS,
    "enable.partition.eof": True,  # the end tells how far markers and compacted records have moved the position
    "auto.offset.reset": "error",  # where a partition begins is decided in `starts`, once, and committed
}
ONLOOKER_INVARIANTS: Properties = {
    **CONSUMER_INVARIANTS,
    "isolation.level": "read_uncommitted",  # or offsets that a transaction is about to commit would be waited for
}
MEMBERS_OWN = ("group.instance.id", "group.protocol")
"""Properties of members; offsets that are sent under the name of one that never joined are refused."""
PRODUCER_INVARIANTS: Properties = {
    **EVERY_INVARIANTS,
    "enable.idempotence": True,  # a retry neither doubles nor reorders
    "acks": "all",  # acknowledged means that it survives a broker
    "delivery.report.only.error": True,  # one Python call a failure instead of one a record
}


def make_consumer(properties: Properties, *, watch: ClientWatch | None = None, tell_ends: bool = False) -> Consumer:
    """A consumer that commits only when told, and reads committed records only.

    Args:
        properties: the user's, `bootstrap.servers` and `group.id` among them.
        watch: told of errors and given the client's log; one that only logs where none is given.
        tell_ends: have it say, as a message with an error, that the end of a partition was reached.

    Raises:
        ConfigError: the client does not take a property; names the variable.
    """
    ends = {"enable.partition.eof": True} if tell_ends else {}
    return _construct(Consumer, {**_consumer_properties(properties), **CONSUMER_INVARIANTS, **ends}, watch, "CONSUMER")


def make_member(
    properties: Properties, *, watch: ClientWatch | None = None, on_commit: OnCommit | None = None
) -> Consumer:
    """A consumer that works in a group, and is told of ends and of starts that are not known as messages with errors.

    Args:
        properties: the user's, `bootstrap.servers` and `group.id` among them.
        watch: told of errors and given the client's log; one that only logs where none is given.
        on_commit: called from within a poll with the answer to a commit without waiting.

    Raises:
        ConfigError: the client does not take a property; names the variable.
    """
    merged = {**_consumer_properties(properties), **MEMBER_INVARIANTS}
    if on_commit is not None:
        merged["on_commit"] = on_commit
    return _construct(Consumer, merged, watch, "CONSUMER")


def make_onlooker(properties: Properties, *, watch: ClientWatch | None = None) -> Consumer:
    """A consumer that asks and commits in the name of a group without ever joining it, and reads nothing.

    Args:
        properties: the user's, `bootstrap.servers` and `group.id` among them.
        watch: told of errors and given the client's log; one that only logs where none is given.

    Raises:
        ConfigError: the client does not take a property; names the variable.
    """
    merged = {**_consumer_properties(without_membership(properties)), **ONLOOKER_INVARIANTS}
    return _construct(Consumer, merged, watch, "CONSUMER")


def without_membership(properties: Properties) -> Properties:
    """The user's properties for a consumer that joins nothing."""
    return {name: value for name, value in properties.items() if name not in MEMBERS_OWN}


def fit_fetches(properties: Properties, wanted_bytes: int) -> Properties:
    """How much one answer of a broker may hold: what is wanted, or as much as one record may be, as the client demands.

    Args:
        properties: the user's.
    """
    return {"fetch.max.bytes": max(wanted_bytes, int(properties.get("message.max.bytes", 0)))}


def is_incremental(properties: Properties) -> bool:
    """Whether partitions change hands one by one (`consumer`, cooperative-sticky), or all of them at once."""
    merged = _consumer_properties(properties)
    return merged.get("group.protocol") == "consumer" or merged["partition.assignment.strategy"] == COOPERATIVE


def make_producer(
    properties: Properties,
    *,
    watch: ClientWatch | None = None,
    on_delivery: OnDelivery | None = None,
    tell_delivered: bool = False,
) -> Producer:
    """An idempotent producer that waits for all in-sync replicas.

    Args:
        properties: the user's, `bootstrap.servers` among them.
        watch: told of errors and given the client's log; one that only logs where none is given.
        on_delivery: called from within a poll or a flush with every record that was not delivered.
        tell_delivered: whether it is called with the others, too, which costs a call a record.

    Raises:
        ConfigError: the client does not take a property; names the variable.
    """
    merged = {**PRODUCER_DEFAULTS, **properties, **PRODUCER_INVARIANTS}
    if tell_delivered:
        merged["delivery.report.only.error"] = False
    if on_delivery is not None:
        merged["on_delivery"] = on_delivery
    return _construct(Producer, merged, watch, "PRODUCER")


def make_transactional_producer(
    properties: Properties,
    transactional_id: str,
    *,
    watch: ClientWatch | None = None,
    on_delivery: OnDelivery | None = None,
    tell_delivered: bool = False,
) -> Producer:
    """A producer whose records become visible when their transaction is committed.

    Args:
        properties: the user's, `bootstrap.servers` among them.
        transactional_id: of two producers with the same one, the older is fenced.
        watch: told of errors and given the client's log; one that only logs where none is given.
        on_delivery: called from within a poll or a flush with every record that was not delivered.
        tell_delivered: whether it is called with the others, too, which costs a call a record.

    Raises:
        ConfigError: the client does not take a property; names the variable.
    """
    merged = {**TRANSACTION_DEFAULTS, **properties, **PRODUCER_INVARIANTS, "transactional.id": transactional_id}
    if tell_delivered:
        merged["delivery.report.only.error"] = False
    if on_delivery is not None:
        merged["on_delivery"] = on_delivery
    return _construct(Producer, merged, watch, "PRODUCER")


def make_admin(properties: Properties, *, watch: ClientWatch | None = None) -> AdminClient:
    """A client that only asks and creates.

    Args:
        properties: the user's, `bootstrap.servers` among them.
        watch: told of errors and given the client's log; one that only logs where none is given.

    Raises:
        ConfigError: the client does not take a property; names the variable.
    """
    return _construct(AdminClient, {**ADMIN_DEFAULTS, **properties, **EVERY_INVARIANTS}, watch, None)


def _consumer_properties(properties: Properties) -> Properties:
    classic = properties.get("group.protocol", "classic") == "classic"
    return {**CONSUMER_DEFAULTS, **(CLASSIC_DEFAULTS if classic else {}), **properties}


def _construct(
    make: Callable[[dict[str, Any]], Client], merged: Properties, watch: ClientWatch | None, family: str | None
) -> Client:
    watch = watch or ClientWatch(None, clock=time.monotonic)
    try:
        return make({**merged, "error_cb": watch.note, "logger": watch})
    except KafkaException as refused:
        raise ConfigError(_explain(refused.args[0], family)) from refused


def _explain(error: KafkaError, family: str | None) -> str:
    """The client's own words, and the variables that set the properties which they name."""
    text = " ".join(error.str().split())
    quoted = re.search(r"""["`]([a-z0-9_]+(?:\.[a-z0-9_]+)+)["`]""", text)
    if quoted is not None:
        return f"{_name_variables(quoted[1], family)}: {text}"
    named = re.findall(r"\b(?:sasl|ssl)(?:\.[a-z]+)+", text)
    if named:
        return f"{' and '.join(_name_variables(name, None) for name in dict.fromkeys(named))}: {text}"
    if "SASL mechanism" in text:
        return f"{_name_variables('sasl.mechanism', None)}: {text}; set it to what the broker offers, as {_MECHANISMS}"
    return f"the Kafka client refuses its configuration: {text}"


def _name_variables(name: str, family: str | None) -> str:
    families = ["KAFKA"] if family is None else [family, "KAFKA"]
    return " or ".join(f"SCORELINE_{f}_{name.replace('.', '_').upper()}" for f in families)
