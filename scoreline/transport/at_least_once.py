"""Finishes batches at least once: a record's offset is committed only after everything made of it is acknowledged."""

from collections.abc import Collection, Mapping, Sequence

from scoreline.errors import DeliveryError
from scoreline.records import Clock, DeadLetter, NextOffsets, Outputs, TopicPartition
from scoreline.transport.patience import Patience
from scoreline.transport.ports import Publisher, Source
from scoreline.transport.progress import Progress

FLUSH_SLICE_SECONDS = 0.5


class AtLeastOnce:
    """Implements `Delivery`, and listens to the rebalances of its source, where it registers itself.

    Acknowledged offsets are noted, and what is noted is committed without waiting, at most every interval and one
    commit at a time. A refused commit is noted again unless a later offset is: nothing is read twice because of it.

    Args:
        commit_interval_seconds: how far commits may lag behind acknowledgements.
        clock: monotonic seconds.
        patience: for the broker, while an acknowledgement is waited for.
    """

    def __init__(
        self, publisher: Publisher, source: Source, *, commit_interval_seconds: float, clock: Clock, patience: Patience
    ) -> None:
        self._publisher = publisher
        self._source = source
        self._commit_interval_seconds = commit_interval_seconds
        self._clock = clock
        self._patience = patience
        self._progress = Progress(source)
        self._noted: dict[TopicPartition, int] = {}
        self._sent: dict[TopicPartition, int] = {}
        self._gone: set[TopicPartition] = set()
        self._due_at = clock()
        source.add_listener(self)

    def rest(self) -> None:
        """A batch may follow the one before at once."""

    def begin(self) -> None:
        """Nothing that a rebalance could make stale: what it takes away while a batch is finished is noted there."""
        self._gone.clear()

    def finish(
        self, outputs: Outputs, dead_letters: Sequence[DeadLetter], next_offsets: NextOffsets
    ) -> Mapping[str, float]:
        """Publish, wait for the acknowledgement, note the offsets, commit what is due.

        Returns:
            Seconds spent by stage: `publish`, `commit`.

        Raises:
            RecordTooLarge: an output is larger than its topic allows.
            DeliveryError: the batch is not finished; nothing of it was or will be committed.
            FatalClientError: the client cannot go on.
        """
        began = self._clock()
        self._patience.renew()
        self._progress.expect({p: offset for p, offset in next_offsets.items() if p not in self._gone})
        self._publisher.publish(outputs, dead_letters, self._keep_waiting)
        while not self._publisher.flush(FLUSH_SLICE_SECONDS):
            if not self._keep_waiting():
                raise DeliveryError("the batch was not acknowledged before the time that a stop is allowed was over")
        acknowledged = self._clock()
        self._note({p: offset for p, offset in next_offsets.items() if p not in self._gone})
        self._commit_due()
        return {"publish": acknowledged - began, "commit": self._clock() - acknowledged}

    def tick(self) -> None:
        """Commit what is due, the position over what no reader is given among it."""
        self._note(self._progress.find_news())
        self._commit_due()

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Nothing is known of them yet."""
        self._progress.forget(partitions)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Commit what is acknowledged of them while they are still ours."""
        self._commit_and_wait({p: offset for p, offset in self._unconfirmed().items() if p in partitions})
        self._forget(partitions)

    def lost(self, partitions: Collection[TopicPartition]) -> None:
        """Another member may have them by now: its commits are not to be overwritten."""
        self._forget(partitions)

    def stranded(self, partition: TopicPartition, detail: str) -> None:
        """Nothing comes of it, so there is nothing to commit."""

    def close(self) -> None:
        """Commit everything that is acknowledged and release the publisher."""
        self._commit_and_wait(self._unconfirmed())
        self._noted, self._sent = {}, {}
        self._publisher.close()

    def _keep_waiting(self) -> bool:
        if self._patience.keep_waiting():
            return True
        self._publisher.discard()
        return False

    def _note(self, next_offsets: NextOffsets) -> None:
        self._noted.update(next_offsets)
        self._progress.settle(next_offsets)

    def _commit_due(self) -> None:
        """Commit what is noted, unless the answer to an earlier commit is still to come."""
        now = self._clock()
        if now < self._due_at or self._source.commit_in_flight():
            return
        self._note_refused()
        self._sent, self._noted = self._noted, {}
        if self._sent:
            self._due_at = now + self._commit_interval_seconds
            self._source.commit(self._sent, wait=False)

    def _unconfirmed(self) -> dict[TopicPartition, int]:
        """All that is acknowledged and not known to be committed."""
        self._note_refused()
        sent = self._sent if self._source.commit_in_flight() else {}
        return {**sent, **self._noted}

    def _note_refused(self) -> None:
        """What was refused is to be committed again, unless something later is, or its partition went in between."""
        refused = self._source.take_refused()
        self._noted = {**{p: n for p, n in refused.items() if self._sent.get(p) == n}, **self._noted}

    def _commit_and_wait(self, next_offsets: NextOffsets) -> None:
        if next_offsets:
            self._source.commit(next_offsets, wait=True)

    def _forget(self, partitions: Collection[TopicPartition]) -> None:
        self._gone.update(partitions)
        self._progress.forget(partitions)
        for partition in partitions:
            self._noted.pop(partition, None)
            self._sent.pop(partition, None)
