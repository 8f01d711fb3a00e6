"""Reads records as a member of a consumer group: what is there, at once, and nothing that belongs to someone else."""

import time
from collections.abc import Mapping, Sequence
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import FatalClientError, Refused
from scoreline.kafka.client.bounded import call_in_thread
from scoreline.kafka.client.clients import Properties, is_incremental, make_member
from scoreline.kafka.client.errors import AUTO_OFFSET_RESET, PARTITION_EOF, PERMISSIONS, TIMED_OUT, describe_error
from scoreline.kafka.client.headers import guard_headers
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.member.commits import CommitLedger, Committer
from scoreline.kafka.member.membership import Membership, partition_of
from scoreline.kafka.member.positions import Positions
from scoreline.kafka.member.starts import StartOffsets
from scoreline.records import Clock, NextOffsets, Record, TopicPartition
from scoreline.transport.ports import ClientObserver, GroupMetadata, RebalanceListener

ANSWER_SECONDS = 2.5
"""How long a commit that is waited for, or leaving the group, may take before the broker counts as away."""
KEPT_AT_ONCE = 500
START_SECONDS = 10.0
"""For how long a source that has read nothing yet takes a missing permission for a mistake; later on it waits for the
grant."""


class KafkaSource:
    """Implements `scoreline.transport.ports.Source`; the client's own messages are the records.

    Rebalances happen only inside `consume`, and a poll may call it up to three times. So every record whose partition
    was revoked or lost in the same or a later call of that poll is dropped; and what did not fit `max_bytes` is held
    back, with no further `consume` until it is used up, so that no rebalance can pass it by.

    Args:
        consumer: made with `commits.answer` as its `on_commit` and with `watch`.
        membership: of that consumer.
        policy: where a partition begins that has no commit: `earliest`, `latest` or `error`.
        group_id: for people.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        consumer: Consumer,
        membership: Membership,
        *,
        policy: str,
        group_id: str,
        commits: CommitLedger,
        watch: ClientWatch,
        clock: Clock,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._consumer = consumer
        self._membership = membership
        self._watch = watch
        self._clock = clock
        self._answer_seconds = answer_seconds
        self._permissions_until = clock() + START_SECONDS
        self._has_read = False
        self._held: list[Message] = []
        self._paused: frozenset[TopicPartition] = frozenset()
        self._committer = Committer(consumer, membership, commits, answer_seconds=answer_seconds)
        self._positions = Positions(consumer, membership, watch=watch, clock=clock)
        self._starts = StartOffsets(
            consumer,
            membership,
            policy=policy,
            group_id=group_id,
            commit=self._committer.commit_beginning,
            moved=self._positions.note_move,
            answer_seconds=answer_seconds,
        )

    def poll(self, max_records: int, max_bytes: int, timeout_seconds: float) -> Sequence[Record]:
        """What is there, at once; waits only when nothing is.

        Raises:
            Refused: only at the start: this user may not read the topics, or not in this group.
            FatalClientError: the consumer cannot go on.
        """
        messages = self._held
        if not messages:
            self._resume()
            self._settle_starts()
            messages = self._consume(max_records, 0.0)
            if not messages:
                messages = self._consume_awaited(timeout_seconds)
                if messages and max_records > 1:
                    more = self._consume(max_records - 1, 0.0)
                    messages = [*self._membership.keep_held(messages), *more]
            self._membership.look_for_evidence()
        fitting = count_fitting(messages[:max_records], max_bytes)
        self._held = messages[fitting:]
        self._membership.hand_out()
        return cast("Sequence[Record]", messages[:fitting])

    def keep_alive(self) -> None:
        """Stay a member: fetching pauses, rebalances happen, and what comes all the same is held back.

        Raises:
            Refused: only at the start: this user may not read the topics, or not in this group.
            FatalClientError: the consumer cannot go on.
        """
        ours = self.assignment()
        try:
            self._consumer.pause([ClientPartition(*p) for p in ours])  # each time: some may have arrived since
            self._paused |= ours
        except KafkaException as refused:
            self._watch.note(refused.args[0])
        messages = self._consume(KEPT_AT_ONCE, 0.0)
        self._held = [*self._membership.keep_held(self._held), *messages]
        self._membership.look_for_evidence()

    def group_metadata(self) -> GroupMetadata:
        """The membership as it is now."""
        return GroupMetadata(self._consumer.consumer_group_metadata())

    def commit(self, next_offsets: NextOffsets, *, wait: bool) -> None:
        """Commit; a refusal is told to the observer and kept for `take_refused`."""
        self._committer.commit(next_offsets, wait=wait)

    def commit_in_flight(self) -> bool:
        """Whether the answer to a commit is still to come."""
        return self._committer.in_flight()

    def take_refused(self) -> NextOffsets:
        """What the broker has refused to commit since the last call, of partitions that are still ours."""
        return self._committer.take_refused()

    def rewind(self, next_offsets: NextOffsets) -> None:
        """Make the next poll return these offsets again, of the partitions that have been ours since the last poll."""
        ours = {p: offset for p, offset in next_offsets.items() if self._membership.has_stayed(p)}
        self._held = [m for m in self._held if partition_of(m) not in ours]
        self._positions.note_move(ours)
        for partition, offset in ours.items():
            try:
                self._consumer.seek(ClientPartition(partition.topic, partition.partition, offset))
            except KafkaException as refused:
                # Going on from the present position would skip records; leaving and joining never does.
                self._watch.note(refused.args[0])
                self._held = []
                self._membership.join_again()
                return

    def progress(self) -> NextOffsets:
        """Ends that were reached, of partitions of ours of which everything was handed out."""
        return self._positions.find_progress(self._held)

    def lags(self) -> Mapping[TopicPartition, int]:
        """Offsets between the position and the end of each partition of ours, as the last fetch knew them.

        While fetching is paused the broker is asked, for a second at the most.
        """
        try:
            paused = bool(self._paused & self.assignment())
            return {**self._positions.find_lags(self._held, ask=paused), **self._starts.find_lags()}
        except KafkaException as refused:
            self._watch.note(refused.args[0])
            return {}

    def assignment(self) -> frozenset[TopicPartition]:
        """Partitions that are ours now; may be asked from any thread."""
        return self._membership.assignment

    def add_listener(self, listener: RebalanceListener) -> None:
        """Have a listener told of every rebalance from now on."""
        self._membership.add_listener(listener)

    def close(self) -> None:
        """Leave the group at once; a broker that does not answer is not waited for."""
        self._held = []
        leaving = call_in_thread(self._consumer.close)
        try:
            leaving.result(self._answer_seconds)
        except TimeoutError:
            self._watch.note(KafkaError(TIMED_OUT, "no broker has answered that this member leaves"))
            self._membership.leave()

    def _resume(self) -> None:
        """Fetch again what `keep_alive` had paused; the client remembers it of partitions that went and came back."""
        ours = self._paused & self.assignment()
        if ours:
            self._consumer.resume([ClientPartition(*p) for p in ours])
            self._paused -= ours

    def _consume(self, count: int, timeout_seconds: float) -> list[Message]:
        """Up to `count` records, where a rebalance may have come between any two of them."""
        messages = self._call_consume(count, timeout_seconds)
        if self._membership.is_blurred():
            self._membership.join_again()
        return self._membership.keep_held(messages)

    def _consume_awaited(self, timeout_seconds: float) -> list[Message]:
        """One record, with which the call returns."""
        return self._membership.keep_awaited(self._call_consume(1, timeout_seconds))

    def _call_consume(self, count: int, timeout_seconds: float) -> list[Message]:
        self._membership.expect_call()
        try:
            messages = self._consumer.consume(count, timeout_seconds)
        except KafkaException as raised:
            self._watch.note(raised.args[0])
            messages = []
        good = [m for m in messages if m.error() is None]
        if good:
            self._has_read = True
        if len(good) != len(messages):
            self._note_events(messages)
        if self._watch.fatal is not None:
            raise FatalClientError(f"the Kafka consumer cannot go on: {self._watch.fatal}")
        guard_headers(good)
        return good

    def _note_events(self, messages: Sequence[Message]) -> None:
        for message in messages:
            error = message.error()
            if error is None:
                continue
            if error.code() == PARTITION_EOF:
                self._has_read = True  # nothing, so far; but it may
                self._positions.note_end(message)
                continue
            if error.code() == AUTO_OFFSET_RESET:
                self._starts.note(message)
                continue
            self._note_error(error)

    def _settle_starts(self) -> None:
        if self._committer.is_beginning():
            return  # what the broker has committed is to be asked when it is known
        try:
            self._starts.settle()
        except KafkaException as raised:
            self._note_error(raised.args[0])

    def _note_error(self, error: KafkaError) -> None:
        self._watch.note(error)
        if error.code() in PERMISSIONS and not self._has_read and self._clock() < self._permissions_until:
            raise Refused(f"Kafka refuses: {describe_error(error)}")


def count_fitting(messages: Sequence[Message], max_bytes: int) -> int:
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


def open_source(
    properties: Properties,
    topics: Sequence[str],
    *,
    group_id: str,
    observer: ClientObserver,
    clock: Clock = time.monotonic,
    answer_seconds: float = ANSWER_SECONDS,
) -> KafkaSource:
    """A source with a consumer of its own, subscribed; it joins the group with its first polls.

    Args:
        properties: the user's, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(observer, clock=clock)
    commits = CommitLedger(observer)
    consumer = make_member({**properties, "group.id": group_id}, watch=watch, on_commit=commits.answer)
    membership = Membership(
        consumer,
        topics,
        incremental=is_incremental(properties),
        silent_when_empty=properties.get("group.protocol") == "consumer",
    )
    return KafkaSource(
        consumer,
        membership,
        policy=find_policy(properties),
        group_id=group_id,
        commits=commits,
        watch=watch,
        clock=clock,
        answer_seconds=answer_seconds,
    )


def find_policy(properties: Properties) -> str:
    """Where partitions without a commit begin, by the one name of each of librdkafka's choices."""
    asked = str(properties.get("auto.offset.reset", "earliest"))
    return {"smallest": "earliest", "beginning": "earliest", "largest": "latest", "end": "latest"}.get(asked, asked)
