"""Reads ranges of partitions outside any membership: from where a group has committed to their ends, and no further."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import FatalClientError, Refused
from scoreline.kafka.client.bounded import call_in_thread
from scoreline.kafka.client.clients import Properties, make_member, without_membership
from scoreline.kafka.client.errors import AUTO_OFFSET_RESET, PARTITION_EOF, PERMISSIONS, TIMED_OUT, describe_error
from scoreline.kafka.client.headers import guard_headers
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.member.commits import CommitLedger, Committer
from scoreline.kafka.member.membership import partition_of
from scoreline.kafka.member.source import ANSWER_SECONDS, KEPT_AT_ONCE, START_SECONDS, count_fitting
from scoreline.kafka.ranges.range_positions import RangePositions
from scoreline.records import Clock, NextOffsets, Record, TopicPartition
from scoreline.transport.pacing import Pacer
from scoreline.transport.ports import ClientObserver, GroupMetadata, RebalanceListener
from scoreline.transport.ranges import OffsetRange


@dataclass(slots=True)
class OwnAssignment:
    """Partitions that nobody can take away. Implements `scoreline.kafka.member.commits.Holding`."""

    assignment: frozenset[TopicPartition]
    rebalancing: bool = False


class KafkaRangeSource:
    """Implements `scoreline.transport.ports.Source` over ranges that are its own; there are no rebalances.

    It begins with the first poll, where the group has committed by then: a delivery that has taken its transactional
    id over has ended whatever its predecessor had under way. A range is read up to its end, or until a later record or
    the end of its partition shows that no reader is given anything before it: markers and compacted records.

    Args:
        consumer: made with `commits.answer` as its `on_commit` and with `watch`; it is assigned here.
        ranges: to be read; the group has a commit for each.
        notes: kept beside every commit.
        pacer: says how many records may be handed out.
        pause: waits for so many seconds, or less when a stop is requested.
        clock: monotonic seconds.

    Attributes:
        is_finished: whether the group is known to have committed the ends of all ranges; found out by a poll that has
            nothing to hand out, so that everything before it is finished.
    """

    def __init__(
        self,
        consumer: Consumer,
        ranges: Mapping[TopicPartition, OffsetRange],
        *,
        notes: Mapping[TopicPartition, str],
        commits: CommitLedger,
        watch: ClientWatch,
        pacer: Pacer,
        pause: Callable[[float], object],
        clock: Clock,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.is_finished = False
        self._consumer = consumer
        self._ranges = ranges
        self._watch = watch
        self._pacer = pacer
        self._pause = pause
        self._clock = clock
        self._answer_seconds = answer_seconds
        self._permissions_until = clock() + START_SECONDS
        self._ours = OwnAssignment(frozenset(ranges))
        self._committer = Committer(consumer, self._ours, commits, answer_seconds=answer_seconds, notes=notes)
        self._listeners: list[RebalanceListener] = []
        self._positions = RangePositions(ranges)
        self._held: list[Message] = []
        self._is_paused = False

    def poll(self, max_records: int, max_bytes: int, timeout_seconds: float) -> Sequence[Record]:
        """What is there and due, at once; waits only when nothing is.

        Raises:
            Refused: the group has no commit of a range, records of it are gone, or, only at the start, this user may
                not read the topic or not in this group.
            FatalClientError: the consumer cannot go on.
        """
        if not self._positions.are_known and not self._begin():
            self._pause(timeout_seconds)
            return ()
        if not self._positions.find_unfinished():
            self._conclude(timeout_seconds)
            return ()
        allowed = self._pacer.allow(max_records)
        if not allowed:
            self._pause(min(timeout_seconds, self._pacer.wait_seconds()))
            return ()
        messages = self._held
        if not messages:
            self._resume()
            messages = self._consume(allowed, 0.0)
            if not messages:
                messages = self._consume(1, timeout_seconds)
                if messages and allowed > 1:
                    messages += self._consume(allowed - 1, 0.0)
        fitting = count_fitting(messages[:allowed], max_bytes)
        self._held = messages[fitting:]
        self._pacer.take(fitting)
        self._positions.advance(messages[:fitting], self._held)
        return cast("Sequence[Record]", messages[:fitting])

    def keep_alive(self) -> None:
        """Hear what the client has to say; fetching pauses, and what comes all the same is held back.

        Raises:
            Refused: records of a range are gone.
            FatalClientError: the consumer cannot go on.
        """
        if self._positions.are_known:
            self._consumer.pause([ClientPartition(*p) for p in self._positions.find_unfinished()])
            self._is_paused = True
            self._held += self._consume(KEPT_AT_ONCE, 0.0)

    def group_metadata(self) -> GroupMetadata:
        """That of nobody's membership: offsets that are sent with it are taken while the group has no members."""
        return GroupMetadata(self._consumer.consumer_group_metadata())

    def commit(self, next_offsets: NextOffsets, *, wait: bool) -> None:
        """Commit, each offset with its note; a refusal is told to the observer and kept for `take_refused`."""
        self._committer.commit(next_offsets, wait=wait)

    def commit_in_flight(self) -> bool:
        """Whether the answer to a commit is still to come."""
        return self._committer.in_flight()

    def take_refused(self) -> NextOffsets:
        """What the broker has refused to commit since the last call."""
        return self._committer.take_refused()

    def rewind(self, next_offsets: NextOffsets) -> None:
        """Make the next poll return these offsets again; what was fetched of all ranges is fetched anew."""
        self._assign(next_offsets)

    def progress(self) -> NextOffsets:
        """The ends of the ranges of which everything was handed out."""
        return self._positions.find_finished()

    def lags(self) -> Mapping[TopicPartition, int]:
        """Offsets between what was handed out and the end of each range."""
        return self._positions.count_left()

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that the ranges are of."""
        return self._ours.assignment

    def add_listener(self, listener: RebalanceListener) -> None:
        """Have a listener told of the assignment, with the first poll, and of its end."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Release the consumer; a broker that does not answer is not waited for."""
        self._held = []
        for listener in self._listeners:
            listener.revoked(self._ours.assignment)
        closing = call_in_thread(self._consumer.close)
        try:
            closing.result(self._answer_seconds)
        except TimeoutError:
            self._watch.note(KafkaError(TIMED_OUT, "no broker has answered the last of this consumer's requests"))

    def _begin(self) -> bool:
        """Find out where the group has got to, and read on from there; False while nobody tells."""
        committed = self._find_committed()
        if committed is None:
            return False
        missing = sorted(p for p, offset in committed.items() if offset < 0)
        if missing:
            raise Refused(
                f"the group has no commit of {', '.join(map(str, missing))} any more: they expire after the broker's "
                "offsets.retention.minutes; begin anew under another --id"
            )
        for listener in self._listeners:
            listener.assigned(self._ours.assignment)
        self._positions.begin(committed)
        self._assign({})
        return True

    def _conclude(self, timeout_seconds: float) -> None:
        """Ask whether the ends are committed: only then is there nothing to be done again."""
        self._consume(1, timeout_seconds)  # of what is said on the side, the answers to commits among it
        committed = self._find_committed()
        # One that was there at the beginning, and has expired since, is of a range that was finished long ago.
        self.is_finished = committed is not None and all(
            offset >= self._ranges[p].end or offset < 0 for p, offset in committed.items()
        )

    def _find_committed(self) -> dict[TopicPartition, int] | None:
        asked = [ClientPartition(*p) for p in sorted(self._ranges)]
        try:
            answers = self._consumer.committed(asked, timeout=self._answer_seconds)
        except KafkaException as raised:
            self._note_error(raised.args[0])
            return None
        for answer in answers:
            if answer.error is not None:
                self._note_error(answer.error)
                return None
        return {TopicPartition(p.topic, p.partition): p.offset for p in answers}

    def _assign(self, rewound: NextOffsets) -> None:
        """Read every unfinished range on from where it was handed out to, or rewound."""
        self._held = []
        self._positions.rewind(rewound)
        unfinished = self._positions.find_unfinished()
        self._consumer.assign([ClientPartition(p.topic, p.partition, offset) for p, offset in unfinished.items()])
        # The client remembers for each partition that it was paused.
        self._consumer.resume([ClientPartition(*p) for p in unfinished])
        self._is_paused = False

    def _resume(self) -> None:
        if self._is_paused:
            unread = [p for p in self._positions.find_unfinished() if not self._positions.is_read_through(p)]
            self._consumer.resume([ClientPartition(*p) for p in unread])
            self._is_paused = False

    def _consume(self, count: int, timeout_seconds: float) -> list[Message]:
        try:
            messages = self._consumer.consume(count, timeout_seconds)
        except KafkaException as raised:
            self._note_error(raised.args[0])
            messages = []
        good = []
        for message in messages:
            error = message.error()
            if error is not None:
                self._note_event(message, error)
            elif self._positions.holds(partition_of(message), int(message.offset() or 0)):
                good.append(message)
            else:
                self._read_to_the_end(partition_of(message))
        if self._watch.fatal is not None:
            raise FatalClientError(f"the Kafka consumer cannot go on: {self._watch.fatal}")
        guard_headers(good)
        return good

    def _note_event(self, message: Message, error: KafkaError) -> None:
        partition = TopicPartition(*partition_of(message))
        if error.code() == PARTITION_EOF:
            if not self._positions.holds(partition, int(message.offset() or 0)):
                self._read_to_the_end(partition)
        elif error.code() == AUTO_OFFSET_RESET:
            raise Refused(
                f"{partition}: offset {self._positions.find(partition)} is not there any more, records of the range "
                f"are gone ({error.str()}); what is left can be replayed under another --id"
            )
        else:
            self._note_error(error)

    def _read_to_the_end(self, partition: TopicPartition) -> None:
        """Nothing more of this range comes; what was fetched of it may still be to be handed out."""
        if self._positions.read_through(partition):
            self._consumer.pause([ClientPartition(*partition)])

    def _note_error(self, error: KafkaError) -> None:
        self._watch.note(error)
        if error.code() in PERMISSIONS and self._clock() < self._permissions_until:
            raise Refused(f"Kafka refuses: {describe_error(error)}")


def open_range_source(
    properties: Properties,
    ranges: Mapping[TopicPartition, OffsetRange],
    *,
    group_id: str,
    notes: Mapping[TopicPartition, str],
    observer: ClientObserver,
    per_second: float | None,
    pause: Callable[[float], object],
    clock: Clock = time.monotonic,
    answer_seconds: float = ANSWER_SECONDS,
) -> KafkaRangeSource:
    """A source with a consumer of its own, which joins nothing.

    Args:
        properties: the user's, `bootstrap.servers` among them.
        per_second: records, None for as fast as it goes.

    Raises:
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(observer, clock=clock)
    commits = CommitLedger(observer)
    return KafkaRangeSource(
        make_member({**without_membership(properties), "group.id": group_id}, watch=watch, on_commit=commits.answer),
        ranges,
        notes=notes,
        commits=commits,
        watch=watch,
        pacer=Pacer(per_second, clock),
        pause=pause,
        clock=clock,
        answer_seconds=answer_seconds,
    )
