"""Reads records as a member of a consumer group: what is there, at once, and nothing that belongs to someone else."""

import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import FatalClientError
from scoreline.kafka.bounded import call_in_thread
from scoreline.kafka.clients import Properties, make_consumer
from scoreline.kafka.commits import CommitLedger
from scoreline.kafka.errors import TIMED_OUT
from scoreline.kafka.watch import ClientWatch
from scoreline.records import Clock, NextOffsets, Record, TopicPartition
from scoreline.transport.ports import ClientObserver, RebalanceListener

ANSWER_SECONDS = 2.5
"""How long a commit that is waited for, or leaving the group, may take before the broker counts as away."""


class KafkaSource:
    """Implements `scoreline.transport.ports.Source`; the client's own messages are the records.

    Rebalances happen only inside `consume`, and a poll may call it up to three times. So every record whose partition
    was revoked or lost in the same or a later call of that poll is dropped; and what did not fit `max_bytes` is held
    back, with no further `consume` until it is used up, so that no rebalance can pass it by.

    Args:
        consumer: made with `commits.answer` as its `on_commit` and with `watch`; it is subscribed here.
        topics: to be read together.
        silent_when_empty: the group protocol tells a member nothing when no partition is left for it (`consumer` does
            so, `classic` assigns an empty list).
    """

    def __init__(
        self,
        consumer: Consumer,
        topics: Sequence[str],
        *,
        commits: CommitLedger,
        watch: ClientWatch,
        silent_when_empty: bool = False,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._consumer = consumer
        self._topics = list(topics)
        self._commits = commits
        self._watch = watch
        self._answer_seconds = answer_seconds
        self._listeners: list[RebalanceListener] = []
        self._rebalancing = False
        self._assignment: frozenset[TopicPartition] = frozenset()
        self._told_to_join = not silent_when_empty
        self._gone: set[TopicPartition] = set()
        self._back: set[TopicPartition] = set()
        self._abandoned: frozenset[TopicPartition] = frozenset()
        self._held: list[Message] = []
        self._late_commit: Future[list[ClientPartition]] | None = None
        self._subscribe()

    def poll(self, max_records: int, max_bytes: int, timeout_seconds: float) -> Sequence[Record]:
        """What is there, at once; waits only when nothing is.

        Raises:
            FatalClientError: the consumer cannot go on.
        """
        messages = self._held
        if not messages:
            messages = self._consume(max_records, 0.0)
            if not messages:
                messages = self._consume(1, timeout_seconds)
                if messages and max_records > 1:
                    more = self._consume(max_records - 1, 0.0)
                    messages = [*self._keep(messages), *more]
            if not self._told_to_join:
                self._look_for_membership()
        fitting = _count_fitting(messages[:max_records], max_bytes)
        self._held = messages[fitting:]
        return cast("Sequence[Record]", messages[:fitting])

    def commit(self, next_offsets: NextOffsets, *, wait: bool) -> None:
        """Commit; a refusal is told to the observer and kept for `take_refused`.

        A listener that waits is not made to: the client gives no partition away before it has the answers to all
        commits (and a call that blocks there could not be bounded, because no other thread may use the client then).
        """
        if not next_offsets:
            return
        offsets = [ClientPartition(p.topic, p.partition, offset) for p, offset in next_offsets.items()]
        try:
            if wait and not self._rebalancing:
                self._commit_and_wait(next_offsets, offsets)
            else:
                self._consumer.commit(offsets=offsets, asynchronous=True)
                self._commits.send()
        except KafkaException as refused:
            self._commits.refuse(next_offsets, refused.args[0].name())

    def commit_in_flight(self) -> bool:
        """Whether the answer to a commit is still to come."""
        if self._late_commit is not None and self._late_commit.done():
            self._late_commit = None
        return self._commits.in_flight > 0 or self._late_commit is not None

    def take_refused(self) -> NextOffsets:
        """What the broker has refused to commit since the last call, of partitions that are still ours."""
        return {p: offset for p, offset in self._commits.take_refused().items() if p in self._assignment}

    def rewind(self, next_offsets: NextOffsets) -> None:
        """Make the next poll return these offsets again, of the partitions that are still ours."""
        ours = {p: offset for p, offset in next_offsets.items() if p in self._assignment}
        self._held = [m for m in self._held if _partition_of(m) not in next_offsets]
        for partition, offset in ours.items():
            try:
                self._consumer.seek(ClientPartition(partition.topic, partition.partition, offset))
            except KafkaException as refused:
                # Going on from the present position would skip records; leaving and joining never does.
                self._watch.note(refused.args[0])
                self._join_again()
                return

    def assignment(self) -> frozenset[TopicPartition]:
        """Partitions that are ours now; may be asked from any thread."""
        return self._assignment

    def add_listener(self, listener: RebalanceListener) -> None:
        """Have a listener told of every rebalance from now on."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Leave the group at once; a broker that does not answer is not waited for."""
        self._held = []
        leaving = call_in_thread(self._consumer.close)
        try:
            leaving.result(self._answer_seconds)
        except TimeoutError:
            self._watch.note(KafkaError(TIMED_OUT, "no broker has answered that this member leaves"))
            self._assignment = frozenset()

    def _subscribe(self) -> None:
        self._consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)

    def _consume(self, count: int, timeout_seconds: float) -> list[Message]:
        self._gone.clear()
        self._back.clear()
        try:
            messages = self._consumer.consume(count, timeout_seconds)
        except KafkaException as raised:
            self._watch.note(raised.args[0])
            messages = []
        good = [m for m in messages if m.error() is None]
        if len(good) != len(messages):
            self._note_errors(messages)
        if self._watch.fatal is not None:
            raise FatalClientError(f"the Kafka consumer cannot go on: {self._watch.fatal}")
        if count == 1:
            # It returns with the first record, so whatever happened in the call happened before that.
            self._gone.clear()
        elif self._gone & self._back:
            # Gone and back within one call: nothing tells the records before from those after.
            self._join_again()
        return self._keep(good)

    def _keep(self, messages: list[Message]) -> list[Message]:
        """Those whose partition was not revoked, lost or given up since they were consumed."""
        stale = self._gone | self._abandoned
        return [m for m in messages if _partition_of(m) not in stale] if stale else messages

    def _note_errors(self, messages: Sequence[Message]) -> None:
        for message in messages:
            error = message.error()
            if error is not None:
                self._watch.note(error)

    def _join_again(self) -> None:
        """Give up every partition and every record in hand; all of it comes again from the committed offsets.

        Until the revocation has come, the client goes on handing out records of what was given up.
        """
        self._abandoned = self._assignment
        self._held = []
        self._consumer.unsubscribe()
        self._subscribe()

    def _look_for_membership(self) -> None:
        generation = find_generation(self._consumer.consumer_group_metadata())
        if generation is not None and generation > 0:
            self._assigned(self._consumer, [])

    def _assigned(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        arrived = _names_of(partitions)
        self._told_to_join = True
        self._back |= arrived
        self._assignment |= arrived
        for listener in self._listeners:
            listener.assigned(arrived)

    def _revoked(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        leaving = _names_of(partitions)
        self._rebalancing = True
        for listener in self._listeners:
            listener.revoked(leaving)
        self._rebalancing = False
        self._drop(leaving)

    def _lost(self, _: Consumer, partitions: list[ClientPartition]) -> None:
        gone = _names_of(partitions)
        self._drop(gone)
        for listener in self._listeners:
            listener.lost(gone)

    def _drop(self, gone: frozenset[TopicPartition]) -> None:
        self._gone |= gone
        self._assignment -= gone
        self._abandoned -= gone

    def _commit_and_wait(self, next_offsets: NextOffsets, offsets: list[ClientPartition]) -> None:
        answer = call_in_thread(lambda: self._consumer.commit(offsets=offsets, asynchronous=False))
        try:
            self._commits.settle(None, answer.result(self._answer_seconds))
        except TimeoutError:
            self._late_commit = answer
            self._commits.refuse(next_offsets, "_TIMED_OUT")


def find_generation(metadata: bytes) -> int | None:
    """The generation or member epoch in a consumer's group metadata; None where its form is not known.

    The library offers the metadata as bytes without saying what is in them: a tag, then four bytes, little-endian.
    """
    tag = b"CGMDv2:"
    if not metadata.startswith(tag) or len(metadata) < len(tag) + 4:
        return None
    return int.from_bytes(metadata[len(tag) : len(tag) + 4], "little", signed=True)


def _count_fitting(messages: Sequence[Message], max_bytes: int) -> int:
    """How many from the start have keys and values of at most `max_bytes` together, at least one if there is one."""
    total = 0
    for count, message in enumerate(messages):
        key = message.key()
        total += len(message)  # of a Message: the bytes of its value
        if key:
            total += len(key)
        if total > max_bytes and count:
            return count
    return len(messages)


def _partition_of(message: Message) -> TopicPartition:
    return cast("TopicPartition", (message.topic(), message.partition()))


def _names_of(partitions: list[ClientPartition]) -> frozenset[TopicPartition]:
    return frozenset(TopicPartition(p.topic, p.partition) for p in partitions)


def open_source(
    properties: Properties,
    topics: Sequence[str],
    *,
    group_id: str,
    observer: ClientObserver,
    clock: Clock = time.monotonic,
) -> KafkaSource:
    """A source with a consumer of its own, subscribed; it joins the group with its first polls.

    Args:
        properties: the user's, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(observer, clock=clock)
    commits = CommitLedger(observer)
    consumer = make_consumer({**properties, "group.id": group_id}, watch=watch, on_commit=commits.answer)
    silent = properties.get("group.protocol") == "consumer"
    return KafkaSource(consumer, topics, commits=commits, watch=watch, silent_when_empty=silent)
