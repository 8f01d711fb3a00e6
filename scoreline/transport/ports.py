"""The ports between the loop and whatever carries its records."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NewType, Protocol

from scoreline.records import DeadLetter, NextOffsets, Outputs, Record, TopicPartition

GroupMetadata = NewType("GroupMetadata", bytes)
"""Under which membership of its group a source has read: opaque, and out of date after the next rebalance."""


class RebalanceListener(Protocol):
    """Told of every change of assignment, always from within `Source.poll`, `keep_alive` or `close`."""

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """These partitions are ours from now on; an empty collection is the news that there are none for us."""
        ...

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """These partitions are about to go to another member: the last moment to commit for them."""
        ...

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """These partitions have gone already: nothing can be committed for them."""
        ...

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        """This partition of ours cannot be read on until someone decides where; it stands, the others go on."""
        ...


class Source(Protocol):
    """A member of a consumer group. Everything that one poll returned is finished or rewound before the next."""

    def poll(self, max_records: int, max_bytes: int, timeout_seconds: float) -> Sequence[Record]:
        """What is there, at once; waits only when nothing is.

        Records of one partition come in offset order. No record is returned whose partition was revoked or lost
        during the same call.

        Args:
            max_records: at least 1.
            max_bytes: bound on the sum of keys and values; a single larger record still comes, alone.
            timeout_seconds: how long to wait when nothing is there.

        Raises:
            Refused: only at the start: a permission is missing.
            FatalClientError: the client cannot go on.
        """
        ...

    def keep_alive(self) -> None:
        """Stay a member while something else is waited for: rebalances happen, no record is handed out or skipped.

        Fetching pauses with the first call and goes on with the next poll, so it is for waits that last.

        Raises:
            Refused: only at the start: a permission is missing.
            FatalClientError: the client cannot go on.
        """
        ...

    def group_metadata(self) -> GroupMetadata:
        """The membership as it is now; offsets that are sent with it are refused after the next rebalance."""
        ...

    def commit(self, next_offsets: NextOffsets, *, wait: bool) -> None:
        """Commit; a refusal is counted and never raised, because the next commit covers it.

        Args:
            next_offsets: only partitions of the present assignment, or of one that is being revoked.
            wait: until the broker has answered, or does not answer in time; a listener that is told of a revocation
                may be let go earlier, because the partitions are kept until the answer is there. Without it the answer
                is looked at during a later poll.
        """
        ...

    def commit_in_flight(self) -> bool:
        """Whether the answer to a commit without waiting is still to come."""
        ...

    def take_refused(self) -> NextOffsets:
        """What the broker has refused to commit since the last call, of partitions that are still ours."""
        ...

    def rewind(self, next_offsets: NextOffsets) -> None:
        """Make the next poll return these offsets again, of the partitions that have been ours since the last poll.

        One that has gone and come back in between begins where its group has committed, and stays there.
        """
        ...

    def progress(self) -> NextOffsets:
        """How far positions have moved over what no reader is given: transaction markers, aborted, compacted records.

        Only partitions of which everything was handed out; a rewind takes them out. It may be committed when everything
        that was handed out is finished.
        """
        ...

    def lags(self) -> Mapping[TopicPartition, int]:
        """Offsets between the position and the end of each partition of ours; those not known yet are left out."""
        ...

    def assignment(self) -> frozenset[TopicPartition]:
        """Partitions that are ours now."""
        ...

    def add_listener(self, listener: RebalanceListener) -> None:
        """Have a listener told of every rebalance from now on."""
        ...

    def close(self) -> None:
        """Leave the group at once; listeners are told of the revocation."""
        ...


class Publisher(Protocol):
    """Puts outputs and dead letters onto their topics, in the order given within each partition."""

    def publish(self, outputs: Outputs, dead_letters: Sequence[DeadLetter], keep_waiting: Callable[[], bool]) -> None:
        """Hand everything to the client; blocks while its queue is full, until there is room.

        What the client refuses does not keep the rest from going out: `flush` tells of it.

        Args:
            keep_waiting: asked now and then while the queue is full.

        Raises:
            DeliveryError: the queue was full, and `keep_waiting` said no.
            FatalClientError: the client cannot go on.
        """
        ...

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything published is acknowledged; False when the time is up first.

        Raises:
            RecordTooLarge: something was refused for its size, whatever else was.
            DeliveryError: something was refused; the rest has been acknowledged, refused or given up by then.
            FatalClientError: the client cannot go on.
        """
        ...

    def discard(self) -> None:
        """Give up what is queued and not acknowledged; its fate is unknown, so its offsets may never be committed."""
        ...

    def close(self) -> None:
        """Release the client."""
        ...


class Transactions(Protocol):
    """Records, and the offsets they were made from, become visible together or never.

    The calls that ask the broker return False when they have no answer in time: the same call is repeated then, and
    nothing else. `DeliveryError` asks for `abort`.
    """

    def flush(self, timeout_seconds: float) -> bool:
        """As `Publisher.flush`, or given up with the transaction."""
        ...

    def begin(self) -> None:
        """Open a transaction; what is published from now on belongs to it.

        Raises:
            FatalClientError: the client cannot go on.
        """
        ...

    def send_offsets(self, next_offsets: NextOffsets, metadata: GroupMetadata, timeout_seconds: float) -> bool:
        """Make the offsets part of the transaction.

        Args:
            metadata: of the source that has read them, taken before a rebalance could pass by.

        Raises:
            DeliveryError: refused, because the group has moved on or the transaction has failed.
            FatalClientError: the client cannot go on; another one may have taken its place.
        """
        ...

    def commit(self, timeout_seconds: float) -> bool:
        """Make everything visible; until it returns True or raises, nobody knows whether it is.

        Raises:
            DeliveryError: it is not, and never will be.
            FatalClientError: the client cannot go on; another one may have taken its place.
        """
        ...

    def abort(self, timeout_seconds: float) -> bool:
        """Make all of it invisible for good to those who read committed records.

        What of it was refused is told by the next `flush`.

        Raises:
            FatalClientError: the client cannot go on; the broker will end the transaction by itself.
        """
        ...


class TransactionalPublisher(Publisher, Transactions, Protocol):
    """A publisher whose outputs and dead letters belong to the transaction that is open."""


class Delivery(Protocol):
    """Finishes a batch: outputs and dead letters out, then the offsets, under one guarantee."""

    def rest(self) -> None:
        """Nothing is in hand: wait for as long as what is polled now would only have to wait later on."""
        ...

    def begin(self) -> None:
        """A batch was polled, and is about to be scored."""
        ...

    def finish(
        self, outputs: Outputs, dead_letters: Sequence[DeadLetter], next_offsets: NextOffsets
    ) -> Mapping[str, float]:
        """Publish everything, wait for its acknowledgement, then see to the offsets; once or more since `begin`.

        Returns:
            Seconds spent by stage: `publish`, `commit`.

        Raises:
            RecordTooLarge: the batch is not finished, because one of its outputs is larger than its topic allows.
            DeliveryError: the batch is not finished; nothing of it was or will be committed.
            FatalClientError: the client cannot go on.
        """
        ...

    def tick(self) -> None:
        """Called when nothing is in hand: commit what is due."""
        ...

    def close(self) -> None:
        """Commit what is acknowledged and release the client."""
        ...


class ClientObserver(Protocol):
    """Learns what the client says on the side; may not raise. Calls come from the thread that polls or publishes."""

    def commit_answered(self, next_offsets: NextOffsets, error: str | None) -> None:
        """The broker has answered a commit of these offsets; `error` is its name for a refusal."""
        ...

    def client_error(self, name: str, detail: str) -> None:
        """The client reports a situation (a broker that is away, credentials that are refused) and goes on trying."""
        ...


class TransactionObserver(Protocol):
    """Learns how transactions end; may not raise."""

    def transaction_ended(self, outcome: str) -> None:
        """`committed` or `aborted`."""
        ...
