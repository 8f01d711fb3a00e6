"""Asks for the offsets of a consumer group, and moves them while nobody is in it."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from scoreline.errors import Refused, ServiceError, Unavailable
from scoreline.kafka.client.clients import Properties, make_admin
from scoreline.kafka.client.errors import MOVING, TIMED_OUT, TRANSPORT, translate_exception
from scoreline.kafka.client.watch import ClientWatch
from scoreline.records import Clock, TopicPartition

ANSWER_SECONDS = 10.0
OCCUPIED = frozenset({KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP, KafkaError.GROUP_SUBSCRIBED_TO_TOPIC})
"""What a broker answers to a change of offsets while there are members."""

ASK_AGAIN_SECONDS = 0.2

EARLIEST, LATEST = -2, -1
"""The protocol's stand-ins for a moment; any other is in milliseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A member of a group.

    Attributes:
        client_id: what its clients call themselves: `SCORELINE_MEMBER_ID`, where that is set.
        host: where the broker sees it.
    """

    member_id: str
    client_id: str
    host: str
    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class GroupDescription:
    """A group as its coordinator knows it.

    Attributes:
        state: Kafka's word in lower case: `stable`, `empty`, `dead` (also for one that never was), …
    """

    group_id: str
    state: str
    members: tuple[GroupMember, ...]


@dataclass(frozen=True, slots=True)
class PartitionOffsets:
    """Where a group stands in a partition.

    Attributes:
        committed: offset that is read next, None where the group has none.
        low: offset of the oldest record that is kept.
        end: offset after the last that may be read: what an open transaction hides is behind it.
    """

    partition: TopicPartition
    committed: int | None
    low: int
    end: int

    @property
    def exists(self) -> bool | None:
        """Whether the committed offset is still there, or just behind the end; None without one."""
        return None if self.committed is None else self.low <= self.committed <= self.end

    @property
    def lag(self) -> int:
        """Offsets from the committed one to the end; all that there is, without one."""
        return max(0, self.end - max(self.low, self.low if self.committed is None else self.committed))


class GroupAdmin:
    """What the commands ask of groups, and of offsets.

    Args:
        client: made with `watch`.
        watch: knows the reasons, which no call of the client tells.
    """

    def __init__(self, client: AdminClient, watch: ClientWatch, *, clock: Clock) -> None:
        self._client = client
        self._watch = watch
        self._clock = clock

    def describe(self, group_id: str) -> GroupDescription:
        """The group's state and members; one that never was is `dead`.

        Raises:
            DependencyError: the cluster does not answer, or refuses to tell.
        """
        found = self._ask(
            lambda: self._client.describe_consumer_groups([group_id], request_timeout=ANSWER_SECONDS)[group_id],
            f"could not look at the group {group_id}",
        )
        if found is None:
            return GroupDescription(group_id, "dead", ())
        members = tuple(
            GroupMember(
                member.member_id,
                member.client_id,
                member.host,
                tuple(sorted(TopicPartition(p.topic, p.partition) for p in member.assignment.topic_partitions)),
            )
            for member in found.members
        )
        return GroupDescription(group_id, found.state.name.lower(), members)

    def find_offsets(self, group_id: str, partitions: Sequence[TopicPartition]) -> list[PartitionOffsets]:
        """Where the group stands in each of these partitions.

        Raises:
            DependencyError: the cluster does not answer, or refuses to tell.
        """
        asked = ConsumerGroupTopicPartitions(group_id, [ClientPartition(p.topic, p.partition) for p in partitions])
        attempt = f"could not read the offsets of the group {group_id}"
        found = self._ask(
            lambda: self._client.list_consumer_group_offsets([asked], request_timeout=ANSWER_SECONDS)[group_id], attempt
        )
        committed: dict[TopicPartition, int] = {}
        for answer in found.topic_partitions if found is not None else ():
            if answer.error is not None:
                raise self._explain(KafkaException(answer.error), attempt)
            if answer.offset >= 0:
                committed[TopicPartition(answer.topic, answer.partition)] = answer.offset
        lows = self.find_positions(dict.fromkeys(partitions, EARLIEST))
        ends = self.find_positions(dict.fromkeys(partitions, LATEST))
        return [PartitionOffsets(p, committed.get(p), lows[p], ends[p]) for p in partitions]

    def find_moment(self, partitions: Sequence[TopicPartition], since_ms: int) -> dict[TopicPartition, int]:
        """The first offset of at least that timestamp in each partition; the end where every record is older.

        Raises:
            DependencyError: the cluster does not answer, or refuses to tell.
        """
        # The ends first: what arrives between the questions is not passed over.
        ends = self.find_positions(dict.fromkeys(partitions, LATEST))
        found = self.find_positions(dict.fromkeys(partitions, since_ms))
        return {p: min(offset, ends[p]) if offset >= 0 else ends[p] for p, offset in found.items()}

    def find_positions(self, asked: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Offsets of partitions, as a reader of committed records has them; -1 for a moment that none reaches.

        Args:
            asked: milliseconds since the epoch, `EARLIEST` or `LATEST`.

        Raises:
            DependencyError: the cluster does not answer, or refuses to tell.
        """
        specs = {
            # The library's stand-in for a constructor: it returns an instance of one of its other classes.
            ClientPartition(p.topic, p.partition): OffsetSpec(moment)  # type: ignore[abstract]
            for p, moment in asked.items()
        }
        answers = self._client.list_offsets(
            specs,
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=ANSWER_SECONDS,
        )
        return {
            TopicPartition(p.topic, p.partition): int(
                self._wait(answer, f"could not find the offsets of {p.topic}[{p.partition}]").offset
            )
            for p, answer in answers.items()
        }

    def move(self, group_id: str, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Commit offsets in the group's place.

        Raises:
            Refused: the group has members, or this user may not.
            DependencyError: the cluster does not answer; some of the offsets may have been moved.
        """
        asked = [ClientPartition(p.topic, p.partition, offset) for p, offset in next_offsets.items()]
        request = [ConsumerGroupTopicPartitions(group_id, asked)]
        attempt = f"could not move the offsets of the group {group_id}"
        found = self._ask(
            lambda: self._client.alter_consumer_group_offsets(request, request_timeout=ANSWER_SECONDS)[group_id],
            attempt,
        )
        for answer in found.topic_partitions if found is not None else ():
            if answer.error is not None:
                raise self._explain(KafkaException(answer.error), attempt)

    def _ask(self, question: "Callable[[], Future[Any]]", attempt: str) -> Any:
        """The answer of a group's coordinator, asked for again while that moves; None where there is no such group."""
        deadline = self._clock() + ANSWER_SECONDS
        while True:
            try:
                return question().result(2 * ANSWER_SECONDS)
            except KafkaException as raised:
                code = raised.args[0].code()
                if code == KafkaError.GROUP_ID_NOT_FOUND:
                    return None
                if code not in MOVING or self._clock() > deadline:
                    raise self._explain(raised, attempt) from raised
                self._client.poll(ASK_AGAIN_SECONDS)  # waits, too
            except TimeoutError as late:
                raise Unavailable(f"{attempt}: no answer in time") from late

    def _wait(self, answer: "Future[Any]", attempt: str) -> Any:
        try:
            return answer.result(2 * ANSWER_SECONDS)
        except KafkaException as raised:
            raise self._explain(raised, attempt) from raised
        except TimeoutError as late:
            raise Unavailable(f"{attempt}: no answer in time") from late

    def _explain(self, raised: KafkaException, attempt: str) -> ServiceError:
        """The error of the call, or what the error callback knows where the call only says that time is up."""
        self._client.poll(0)
        error: KafkaError = raised.args[0]
        if error.code() in OCCUPIED:
            return Refused(f"{attempt}: it has members; stop every `scoreline run` of this group first")
        if self._watch.remedy is not None and error.code() in (TRANSPORT, TIMED_OUT):
            return Refused(f"{attempt}: {self._watch.reason}")
        return translate_exception(raised, attempt)


def open_group_admin(properties: Properties, *, clock: Clock = time.monotonic) -> GroupAdmin:
    """An admin of groups with a client of its own.

    Args:
        properties: the user's, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(None, clock=clock)
    return GroupAdmin(make_admin(properties, watch=watch), watch, clock=clock)
