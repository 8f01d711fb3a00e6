"""Finishes batches exactly once: outputs, dead letters and offsets in one transaction, or none of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from scoreline.errors import DeliveryError
from scoreline.records import Clock, DeadLetter, NextOffsets, Outputs, TopicPartition
from scoreline.transport.patience import Patience
from scoreline.transport.ports import GroupMetadata, Source, TransactionalPublisher, TransactionObserver
from scoreline.transport.progress import Progress
from scoreline.transport.transacting import Transacting

PROGRESS_SECONDS = 1.0
"""The position over what no reader is given is committed at most this often."""

NOTHING = Outputs((), (), "", 0)


class ExactlyOnce(Transacting):
    """Implements `Delivery`, and listens to the rebalances of its source, where it registers itself.

    The offsets go with the group metadata as it was before the batch was scored: if the group has moved on since, the
    coordinator refuses them, the transaction is aborted, and whoever owns the partitions reads the batch again.

    Args:
        min_interval_seconds: least time between a commit and the next begin; offsets that follow a commit at once meet
            a coordinator that is still writing its marker, and wait longer than this.
        clock: monotonic seconds.
        pause: waits for so many seconds, or less when a stop is requested.
        patience: for the broker, while an answer is waited for.
    """

    def __init__(
        self,
        publisher: TransactionalPublisher,
        source: Source,
        *,
        min_interval_seconds: float,
        clock: Clock,
        pause: Callable[[float], object],
        patience: Patience,
        observer: TransactionObserver,
    ) -> None:
        super().__init__(publisher, patience=patience, observer=observer)
        self._publisher = publisher
        self._source = source
        self._min_interval_seconds = min_interval_seconds
        self._clock = clock
        self._pause = pause
        self._progress = Progress(source)
        self._metadata: GroupMetadata | None = None
        self._begin_from = self._progress_from = self._polled_at = clock()
        self._scoring_seconds = 0.0
        source.add_listener(self)

    def rest(self) -> None:
        """Wait before the poll rather than before the transaction, which takes along what arrives meanwhile.

        Scoring is taken to last as long as it did last: large batches are not waited for at all.
        """
        self._await(self._begin_from - self._scoring_seconds)

    def begin(self) -> None:
        """Take the group metadata that the batch in hand was read under."""
        self._polled_at = self._clock()
        self._metadata = self._source.group_metadata()

    def finish(
        self, outputs: Outputs, dead_letters: Sequence[DeadLetter], next_offsets: NextOffsets
    ) -> Mapping[str, float]:
        """Everything in one transaction, which is aborted if any part of it fails.

        Returns:
            Seconds spent by stage: `publish`, `commit`.

        Raises:
            RecordTooLarge: the transaction was aborted, because an output is larger than its topic allows.
            DeliveryError: the transaction was aborted.
            StopOverdue: how it ended is not known; the next start goes on from what was committed.
            FatalClientError: the client cannot go on.
        """
        began = self._clock()
        self._patience.renew()
        self._progress.expect(next_offsets)
        self._scoring_seconds = began - self._polled_at
        self._await(self._begin_from)

        def publish() -> float:
            self._publisher.publish(outputs, dead_letters, self._patience.keep_waiting)
            self._insist(partial(self._publisher.send_offsets, next_offsets, self._membership()))
            self._insist(self._publisher.flush)
            return self._clock()

        published = self._transact(publish)
        self._begin_from = self._clock() + self._min_interval_seconds
        self._progress.settle(next_offsets)
        return {"publish": published - began, "commit": self._clock() - published}

    def tick(self) -> None:
        """Commit the position over what no reader is given, in a transaction of its own."""
        if self._clock() < self._progress_from:
            return
        news = self._progress.find_news()
        if news:
            self._progress_from = self._clock() + PROGRESS_SECONDS
            self.begin()
            try:
                self.finish(NOTHING, (), news)
            except DeliveryError:
                # Counted as aborted; another tick tries again, unless they have gone, or the stop allows no more.
                self._progress.forget(news)

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Nothing is known of them yet."""
        self._progress.forget(partitions)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Whatever was finished is committed already; what is in hand will be refused."""
        self._progress.forget(partitions)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """As revoked."""
        self._progress.forget(partitions)

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        """Nothing comes of it, so there is nothing to commit."""

    def close(self) -> None:
        """Release the publisher; a transaction whose end is not known is ended by the next start, or by the broker."""
        self._publisher.close()

    def _await(self, moment: float) -> None:
        self._pause(max(0.0, moment - self._clock()))

    def _membership(self) -> GroupMetadata:
        if self._metadata is None:
            raise DeliveryError("offsets cannot be sent before `begin` has taken the group metadata")
        return self._metadata
