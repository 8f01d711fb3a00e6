"""Commits, and keeps account of it: which are unanswered, which were refused, partition by partition."""

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from types import MappingProxyType
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.kafka.client.bounded import call_in_thread
from scoreline.kafka.client.errors import PERMISSIONS
from scoreline.records import NextOffsets, TopicPartition
from scoreline.transport.ports import ClientObserver

BEGINNING = "beginning"
"""Noted beside a committed offset where a partition was begun, and nothing of it is finished yet."""

NO_NOTES: Mapping[TopicPartition, str] = MappingProxyType({})


def annotate(next_offsets: NextOffsets, notes: Mapping[TopicPartition, str]) -> list[ClientPartition]:
    """Offsets as the client takes them, each with its note; one without a note wipes out what the group had noted."""
    return [
        ClientPartition(p.topic, p.partition, offset, notes[p])
        if p in notes
        else ClientPartition(p.topic, p.partition, offset)
        for p, offset in next_offsets.items()
    ]


class Holding(Protocol):
    """Which partitions are ours, whether a group has assigned them or we did.

    Attributes:
        assignment: partitions that are ours now.
        rebalancing: whether listeners are being told of a revocation.
    """

    assignment: frozenset[TopicPartition]
    rebalancing: bool


class CommitLedger:
    """Counts answers against commits; `answer` is the consumer's `on_commit` callback.

    A commit is never wholly good because the call did not raise: each partition carries its own error.

    Attributes:
        in_flight: commits whose answer is still to come.
        beginnings: partitions that such a commit is the first of.
    """

    def __init__(self, observer: ClientObserver) -> None:
        self.in_flight = 0
        self.beginnings: set[TopicPartition] = set()
        self._observer = observer
        self._refused: dict[TopicPartition, int] = {}
        self._forbidden: dict[TopicPartition, KafkaError] = {}

    def send(self) -> None:
        """A commit without waiting has been handed to the client."""
        self.in_flight += 1

    def answer(self, error: KafkaError | None, partitions: Collection[ClientPartition]) -> None:
        """The answer to a commit without waiting has come."""
        self.in_flight -= 1
        self.beginnings = self.beginnings - {(p.topic, p.partition) for p in partitions} if self.in_flight else set()
        self.settle(error, partitions)

    def settle(self, error: KafkaError | None, partitions: Iterable[ClientPartition]) -> None:
        """Sort the partitions of an answer into committed and refused, and tell the observer of both."""
        by_outcome: dict[str | None, dict[TopicPartition, int]] = {}
        for p in partitions:
            problem = p.error or error
            if problem is not None and problem.code() in PERMISSIONS:
                self._forbidden[TopicPartition(p.topic, p.partition)] = problem
            else:
                self._forbidden.pop(TopicPartition(p.topic, p.partition), None)
            by_outcome.setdefault(problem.name() if problem else None, {})[TopicPartition(p.topic, p.partition)] = (
                p.offset
            )
        for outcome, next_offsets in by_outcome.items():
            if outcome is None:
                self._commit(next_offsets)
            else:
                self.refuse(next_offsets, outcome)

    def refuse(self, next_offsets: NextOffsets, error_name: str) -> None:
        """These were not committed."""
        self._refused.update(next_offsets)
        self._observer.commit_answered(next_offsets, error_name)

    def take_refused(self) -> dict[TopicPartition, int]:
        """What was refused since the last call and not committed since."""
        refused, self._refused = self._refused, {}
        return refused

    def take_forbidden(self, partitions: Collection[TopicPartition]) -> KafkaError | None:
        """Why nothing may be committed of one of these, as the answer to the last commit of it said; told once."""
        taken = [self._forbidden.pop(partition) for partition in partitions if partition in self._forbidden]
        return taken[0] if taken else None

    def _commit(self, next_offsets: NextOffsets) -> None:
        for partition in next_offsets:
            self._refused.pop(partition, None)
        self._observer.commit_answered(next_offsets, None)


class Committer:
    """Sends commits of one consumer, and waits for some of them, for a bounded time.

    Args:
        ledger: whose `answer` is the consumer's `on_commit`.
        answer_seconds: how long a commit that is waited for may take before the broker counts as away.
        notes: kept beside the offsets, by partition.
    """

    def __init__(
        self,
        consumer: Consumer,
        membership: Holding,
        ledger: CommitLedger,
        *,
        answer_seconds: float,
        notes: Mapping[TopicPartition, str] = NO_NOTES,
    ) -> None:
        self._consumer = consumer
        self._membership = membership
        self._notes = notes
        self._ledger = ledger
        self._answer_seconds = answer_seconds
        self._late: Future[list[ClientPartition]] | None = None

    def commit(self, next_offsets: NextOffsets, *, wait: bool) -> None:
        """Commit; a refusal is told to the observer and kept for `take_refused`.

        A listener that waits is not made to: the client gives no partition away before it has the answers to all
        commits (and a call that blocks there could not be bounded, because no other thread may use the client then).
        """
        if not self._membership.rebalancing:
            # Whoever asks may have learnt of an offset just before its partition went.
            next_offsets = {p: offset for p, offset in next_offsets.items() if p in self._membership.assignment}
        if not next_offsets:
            return
        offsets = annotate(next_offsets, self._notes)
        try:
            if wait and not self._membership.rebalancing:
                self._wait_for(next_offsets, offsets)
            else:
                self._consumer.commit(offsets=offsets, asynchronous=True)
                self._ledger.send()
        except KafkaException as refused:
            self._ledger.refuse(next_offsets, refused.args[0].name())

    def commit_beginning(self, next_offsets: NextOffsets) -> None:
        """Commit where partitions begin, marked as such, without waiting; not while a commit of them is in flight.

        The broker is to be asked afterwards what it has taken. (A call that waits would keep every other one of this
        client waiting for as long as it lasts, `consume` among them.)

        Raises:
            KafkaException: the client cannot; or this user may not, as the answer to the last one says.
        """
        forbidden = self._ledger.take_forbidden(next_offsets)
        if forbidden is not None:
            raise KafkaException(forbidden)
        offsets = annotate(next_offsets, dict.fromkeys(next_offsets, BEGINNING))
        self._consumer.commit(offsets=offsets, asynchronous=True)
        self._ledger.send()
        self._ledger.beginnings |= next_offsets.keys()

    def is_beginning(self) -> bool:
        """Whether the answer to the commit of a beginning is still to come."""
        return bool(self._ledger.beginnings)

    def in_flight(self) -> bool:
        """Whether the answer to a commit is still to come."""
        if self._late is not None and self._late.done():
            self._late = None
        return self._ledger.in_flight > 0 or self._late is not None

    def take_refused(self) -> NextOffsets:
        """What the broker has refused to commit since the last call, of partitions that are still ours."""
        return {p: offset for p, offset in self._ledger.take_refused().items() if p in self._membership.assignment}

    def _wait_for(self, next_offsets: NextOffsets, offsets: list[ClientPartition]) -> None:
        answer = call_in_thread(lambda: self._consumer.commit(offsets=offsets, asynchronous=False))
        try:
            answered = answer.result(self._answer_seconds)
        except TimeoutError:
            self._late = answer
            self._ledger.refuse(next_offsets, "_TIMED_OUT")
        else:
            self._ledger.settle(None, answered)
