"""Asks the cluster what there is, and creates topics; at the start it finds out why nothing answers."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.cimpl import NewTopic

from scoreline.errors import Refused, ServiceError, Unavailable
from scoreline.kafka.client.clients import Properties, make_admin
from scoreline.kafka.client.errors import TIMED_OUT, TRANSPORT, describe_error, translate_exception
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.cluster.listeners import find_mismatch
from scoreline.kafka.cluster.mocked import count_mocked
from scoreline.kafka.cluster.topics import TopicDescription, describe_missing, find_forbidden
from scoreline.records import Clock
from scoreline.transport.ports import ClientObserver

__all__ = ["KafkaAdmin", "TopicDescription", "find_forbidden", "open_admin"]

T = TypeVar("T")

FIRST_SLICE_SECONDS = 0.2
LONGEST_SLICE_SECONDS = 2.0
"""How long one request for metadata may take: short at first, so that a stop is seen; longer where answers are slow."""
SETTLE_SECONDS = 2.0
"""How long a topic may take from its creation until every broker knows it."""
REFUSAL_SECONDS = 3.0
"""How long a refusal has to last before it is believed: another broker may have been restarted just now."""
ANSWER_SECONDS = 10.0
GROUP_SECONDS = 3.0
"""How long a group's coordinator may take: what it does not tell in this time, the consumer will."""

TLS_HINT = "(where the broker expects TLS or SASL, set SCORELINE_KAFKA_SECURITY_PROTOCOL)"


class KafkaAdmin:
    """What the service and the commands ask of the cluster as a whole.

    Args:
        client: made with `watch`.
        watch: knows the reasons, which no call of the client tells.
        find_mismatch: looks whether the client's properties fit the brokers' listeners at all; None where they do.
    """

    def __init__(
        self,
        client: AdminClient,
        watch: ClientWatch,
        *,
        clock: Clock = time.monotonic,
        find_mismatch: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._client = client
        self._watch = watch
        self._clock = clock
        self._find_mismatch = find_mismatch

    def reach(self, seconds: float, should_stop: Callable[[], bool]) -> None:
        """Wait until the cluster answers; returns early, unreached, only when told to stop.

        Raises:
            Refused: credentials or certificates are refused, or the listener is of another kind, for a few seconds on
                end.
            Unavailable: nothing has answered for `seconds`.
        """
        started = self._clock()
        slice_seconds = FIRST_SLICE_SECONDS
        while not should_stop():
            try:
                self._client.list_topics(timeout=min(slice_seconds, seconds))
            except KafkaException as raised:
                self._client.poll(0)  # error callbacks run only here
                self._judge(raised.args[0], self._clock() - started, seconds)
                slice_seconds = min(2 * slice_seconds, LONGEST_SLICE_SECONDS)
            else:
                self._watch.forget()
                return

    def find_trouble(self, topic: str, timeout_seconds: float) -> str | None:
        """Why the cluster does not answer for a topic now; None where all is well. From one thread only."""
        self._client.poll(0)  # tokens are renewed only here
        try:
            found = self._client.list_topics(topic, timeout=timeout_seconds).topics[topic]
        except KafkaException as raised:
            self._client.poll(0)  # error callbacks run only here
            return self._watch.reason or describe_error(raised.args[0])
        self._watch.forget()
        return None if found.error is None else f"topic {topic}: {describe_error(found.error)}"

    def describe_topics(self, names: Collection[str]) -> dict[str, TopicDescription]:
        """What there is of these topics; a missing one is left out, and of a mock cluster there are only partitions.

        One that the cluster tells this user nothing about is `hidden`.

        Raises:
            DependencyError: the cluster does not answer.
        """
        asked = sorted(set(names))
        attempt = "could not look at the topics"
        mocked = self._ask(attempt, lambda: count_mocked(self._client, asked, timeout_seconds=ANSWER_SECONDS))
        if mocked is not None:
            return {name: TopicDescription(name, partitions) for name, partitions in mocked.items()}
        answers = self._client.describe_topics(
            TopicCollection(asked), request_timeout=ANSWER_SECONDS, include_authorized_operations=True
        )
        found = {}
        for name, answer in answers.items():
            try:
                topic = answer.result()
            except KafkaException as raised:
                match raised.args[0].code():
                    case KafkaError.UNKNOWN_TOPIC_OR_PART:
                        continue
                    case KafkaError.TOPIC_AUTHORIZATION_FAILED:
                        found[name] = TopicDescription(name, 0)
                        continue
                raise self._explain(raised, f"could not look at the topic {name}") from raised
            replicas = len(topic.partitions[0].replicas)
            allowed = frozenset(operation.name for operation in topic.authorized_operations or ())
            found[name] = TopicDescription(name, len(topic.partitions), replicas, self._describe_configs(name), allowed)
        return found

    def check_topics(
        self,
        names: Collection[str],
        *,
        read: Collection[str] = (),
        written: Collection[str] = (),
        group_id: str | None = None,
    ) -> dict[str, TopicDescription]:
        """As `describe_topics`, where every topic has to be there.

        Under the protocol `consumer` a subscription to a missing topic waits without a word, so this is asked first.

        Args:
            read: those that this user has to be allowed to read.
            written: those that this user has to be allowed to write.
            group_id: the group that this user has to be allowed to join.

        Raises:
            Refused: topics are missing, or topics or the group are not permitted; names them all.
            DependencyError: the cluster does not answer, or refuses to tell.
        """
        deadline = self._clock() + SETTLE_SECONDS
        found = self.describe_topics(names)
        while len(found) < len(set(names)) and self._clock() < deadline:
            self._client.poll(0.1)  # waits, too
            found = self.describe_topics(names)
        problems = describe_missing(sorted(set(names) - set(found)))
        problems += self._find_refusals(found, read=read, written=written, group_id=group_id)
        if problems:
            raise Refused("; ".join(problems))
        return found

    def find_forbidden_group(self, group_id: str) -> str | None:
        """That this user may not join a group, with the cure; None where it may, or where the cluster does not tell.

        Nobody is told of the question: the group is neither joined nor made.
        """
        answer = self._client.describe_consumer_groups(
            [group_id], include_authorized_operations=True, request_timeout=GROUP_SECONDS
        )[group_id]
        try:
            operations = answer.result(2 * GROUP_SECONDS).authorized_operations or ()
        except KafkaException as raised:
            forbidden = raised.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED
        except TimeoutError:
            forbidden = False
        else:
            forbidden = bool(operations) and AclOperation.READ not in operations
        return f"this user may not READ the consumer group {group_id}; grant it" if forbidden else None

    def find_refusal(self, *, read: Collection[str], written: Collection[str], group_id: str) -> str | None:
        """What this user is not allowed at the moment; None where that is nothing. From one thread only.

        Raises:
            DependencyError: the cluster does not answer.
        """
        found = self.describe_topics({*read, *written})
        return "; ".join(self._find_refusals(found, read=read, written=written, group_id=group_id)) or None

    def create_topics(self, topics: Sequence[TopicDescription]) -> list[str]:
        """Create those that are missing; returns their names.

        Raises:
            DependencyError: a topic could not be created; those before it may have been.
        """
        asked = [
            NewTopic(t.name, t.partitions, replication_factor=t.replication_factor, config=dict(t.configs))
            for t in topics
        ]
        if not asked:
            return []
        created = []
        for name, answer in self._client.create_topics(asked, operation_timeout=ANSWER_SECONDS).items():
            attempt = f"could not create the topic {name}"
            try:
                answer.result(2 * ANSWER_SECONDS)
            except KafkaException as raised:
                if raised.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise self._explain(raised, attempt) from raised
            except TimeoutError as late:
                raise Unavailable(f"{attempt}: no answer in time") from late
            else:
                created.append(name)
        return created

    def _find_refusals(
        self,
        found: Mapping[str, TopicDescription],
        *,
        read: Collection[str],
        written: Collection[str],
        group_id: str | None,
    ) -> list[str]:
        group = None if group_id is None else self.find_forbidden_group(group_id)
        topics = [problem for _, problem in find_forbidden(found, read=read, written=written)]
        return topics if group is None else [*topics, group]

    def _describe_configs(self, name: str) -> dict[str, str]:
        """Effective configuration; empty where this user may not see it, which is no reason not to start."""
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)

        def ask() -> Mapping[str, str]:
            answer: Future[Mapping[str, object]] = self._client.describe_configs([resource])[resource]
            entries = answer.result(ANSWER_SECONDS)
            return {key: str(getattr(entry, "value", "")) for key, entry in entries.items()}

        try:
            return dict(self._ask(f"could not read the configuration of the topic {name}", ask))
        except Refused:
            return {}

    def _ask(self, attempt: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except KafkaException as raised:
            raise self._explain(raised, attempt) from raised
        except TimeoutError as late:
            raise Unavailable(f"{attempt}: no answer in time") from late

    def _explain(self, raised: KafkaException, attempt: str) -> ServiceError:
        """The error of the call, or what the error callback knows where the call only says that time is up."""
        self._client.poll(0)
        if self._watch.remedy is not None and raised.args[0].code() in (TRANSPORT, TIMED_OUT):
            return Refused(f"{attempt}: {self._watch.reason}")
        return translate_exception(raised, attempt)

    def _judge(self, error: KafkaError, waited_seconds: float, limit_seconds: float) -> None:
        reason = self._watch.reason or describe_error(error)
        if waited_seconds >= min(REFUSAL_SECONDS, limit_seconds):
            mismatch = self._find_mismatch()
            if mismatch is not None:
                said = reason.removesuffix(f"; {self._watch.remedy}")  # its own advice is more general, or misleads
                raise Refused(f"Kafka refuses: {mismatch}; the client says {said}")
            if self._watch.remedy is not None:
                raise Refused(f"Kafka refuses: {reason}")
        if waited_seconds >= limit_seconds:
            raise Unavailable(f"Kafka was not reached within {limit_seconds:g} s: {reason} {TLS_HINT}")


def open_admin(
    properties: Properties, *, observer: ClientObserver | None = None, clock: Clock = time.monotonic
) -> KafkaAdmin:
    """An admin with a client of its own.

    Args:
        properties: the user's, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(observer, clock=clock)
    client = make_admin(properties, watch=watch)
    return KafkaAdmin(client, watch, clock=clock, find_mismatch=lambda: find_mismatch(properties))
