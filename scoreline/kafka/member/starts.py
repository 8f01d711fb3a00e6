"""Decides where partitions begin for which the group has no commit, and finds those that cannot be read on."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.kafka.member.commits import BEGINNING
from scoreline.kafka.member.membership import Membership, partition_of
from scoreline.records import NextOffsets, TopicPartition

ANSWER_SECONDS = 2.5


@dataclass(frozen=True, slots=True)
class Available:
    """What a partition holds, and what its group has committed; -1 where it has nothing."""

    committed: int
    low: int
    high: int


class Found(NamedTuple):
    """Partitions of one topic, each in one place at the most.

    Attributes:
        begin: offsets to be committed, because there is no commit.
        known: offsets to be read on from.
        stranded: those that cannot be read on.
    """

    begin: dict[TopicPartition, int]
    known: dict[TopicPartition, int]
    stranded: dict[TopicPartition, Available]


class StartOffsets:
    """Listens to what the client says of partitions whose next offset it does not know, or cannot have.

    A partition without a commit begins where the policy says, but at its start where the group has commits on others of
    its topic: such a partition was added, and what it got before anyone looked is to be scored too. The beginning is
    committed before anything is read, so that it is decided once. A committed offset that the partition no longer has
    is nobody's to replace but the operator's: the partition stands, and its listeners are told.

    Args:
        topics: that the group reads.
        policy: `earliest`, `latest`, or `error` for whoever wants to decide about every partition.
        commit: commits beginnings without waiting; `settle` is to be called again when the answer is there.
        moved: told from where partitions are read on.
        group_id: for people.
    """

    def __init__(
        self,
        consumer: Consumer,
        membership: Membership,
        *,
        policy: str,
        group_id: str,
        commit: Callable[[NextOffsets], None],
        moved: Callable[[NextOffsets], None],
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._consumer = consumer
        self._membership = membership
        self._policy = policy
        self._group_id = group_id
        self._commit = commit
        self._moved = moved
        self._answer_seconds = answer_seconds
        self._unknown: set[TopicPartition] = set()
        self._begun: set[TopicPartition] = set()
        self._sent: dict[TopicPartition, int] = {}
        self._stranded: Mapping[TopicPartition, Available] = {}
        membership.add_listener(self)

    def note(self, message: Message) -> None:
        """The client does not know where to go on; without an offset there is no commit, with one it cannot be had."""
        partition = TopicPartition(*partition_of(message))
        if message.offset() is not None or partition not in self._begun:
            self._unknown.add(partition)

    def settle(self) -> None:
        """Begin with the partitions that wait for it, or strand them; to be called again until none waits.

        Where there is no commit it is made first, and what the group has then is asked for the next time. Nothing is
        read on before all that are ours have one: the client would find a commit that is just being made by itself, and
        a partition that it reads already must not be sent back to where it began.

        Raises:
            KafkaException: no broker answers, or it refuses.
        """
        if not self._unknown:
            return
        found = [self._ask(topic) for topic in sorted({p.topic for p in self._membership.assignment})]
        self._strand({p: at for each in found for p, at in each.stranded.items()})
        begin = {p: offset for each in found for p, offset in each.begin.items()}
        if begin:
            self._commit(begin)
            self._sent |= begin
            self._unknown |= begin.keys()
            return
        known = {p: offset for each in found for p, offset in each.known.items()}
        self._membership.restart(known)
        self._moved(known)
        self._begun |= known.keys()
        self._unknown -= known.keys()
        self._unknown &= self._membership.assignment

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """The client will say what it does not know of them."""
        self._forget(partitions)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Someone else's to begin with."""
        self._forget(partitions)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """As revoked."""
        self._forget(partitions)

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        """Said from here."""

    def find_lags(self) -> dict[TopicPartition, int]:
        """How many offsets of each stranded partition are there and unread."""
        return {p: at.high - max(at.low, min(at.committed, at.high)) for p, at in self._stranded.items()}

    def _ask(self, topic: str) -> "Found":
        """What the group has, and the topic holds, of the partitions of ours that wait, or have no commit."""
        described = self._consumer.list_topics(topic, timeout=self._answer_seconds).topics[topic]
        if described.error is not None:
            if any(p.topic == topic for p in self._unknown):
                raise KafkaException(described.error)
            return Found({}, {}, {})
        everything = [ClientPartition(topic, number) for number in sorted(described.partitions)]
        answers = self._consumer.committed(everything, timeout=self._answer_seconds)
        committed = {TopicPartition(p.topic, p.partition): p.offset for p in answers if p.error is None}
        # Another member may have begun a moment ago: that is no reason to take a partition for one that was added.
        has_commits = any(p.offset >= 0 and p.metadata != BEGINNING for p in answers if p.error is None)
        found = Found({}, {}, {})
        # All that are ours, not only those that the client has told of so far: the others would follow one by one.
        for partition in sorted(self._membership.assignment & committed.keys()):
            at = committed[partition]
            if at >= 0 and partition not in self._unknown:
                continue
            if at >= 0 and self._sent.get(partition) == at:
                found.known[partition] = at
                continue
            low, high = self._consumer.get_watermark_offsets(ClientPartition(*partition), timeout=self._answer_seconds)
            if low <= at <= high:
                found.known[partition] = at  # only the position was beyond what is there
            elif at >= 0 or self._policy == "error":
                found.stranded[partition] = Available(at, low, high)
            else:
                found.begin[partition] = high if self._policy == "latest" and not has_commits else low
        return found

    def _strand(self, stranded: Mapping[TopicPartition, Available]) -> None:
        news = {p: at for p, at in stranded.items() if p not in self._stranded}
        self._stranded = {**self._stranded, **stranded}
        self._unknown -= stranded.keys()
        for partition, available in news.items():
            self._membership.strand(partition, self._describe(partition, available))

    def _describe(self, partition: TopicPartition, at: Available) -> str:
        cure = (
            "stop every member of the group, choose with `scoreline offsets show` and "
            f"`scoreline offsets reset --to earliest --partition {partition.partition} --yes`, and start again"
        )
        if at.committed < 0:
            return (
                f"{partition}: the group {self._group_id} has committed nothing, and CONSUMER_AUTO_OFFSET_RESET=error; "
                f"offsets {at.low} to {at.high} are there: {cure}"
            )
        return (
            f"{partition}: the group {self._group_id} has committed {at.committed}, but only offsets {at.low} to "
            f"{at.high} are there: {cure}"
        )

    def _forget(self, partitions: Collection[TopicPartition]) -> None:
        gone = set(partitions)
        self._unknown -= gone
        self._begun -= gone
        self._sent = {p: offset for p, offset in self._sent.items() if p not in gone}
        self._stranded = {p: at for p, at in self._stranded.items() if p not in gone}
