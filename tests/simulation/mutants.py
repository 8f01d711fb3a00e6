"""The loop, its deliveries and its source with one mistake each, as someone might make it."""

from scoreline.errors import DeliveryError
from scoreline.records import TopicPartition
from scoreline.stream.loop import StreamLoop
from scoreline.stream.recovery import Recovery, find_first_offsets
from scoreline.stream.slices import Slice
from scoreline.testing.simulation import Make
from scoreline.transport.at_least_once import FLUSH_SLICE_SECONDS, AtLeastOnce
from scoreline.transport.exactly_once import ExactlyOnce
from scoreline.transport.memory import MemorySource
from scoreline.transport.progress import Progress
from scoreline.transport.transacting import ANSWER_SLICE_SECONDS


class CommitsBeforePublishing(AtLeastOnce):
    def finish(self, outputs, dead_letters, next_offsets):
        self._note(next_offsets)
        self._commit_due()
        return super().finish(outputs, dead_letters, next_offsets)


class DoesNotWaitForAcknowledgement(AtLeastOnce):
    def finish(self, outputs, dead_letters, next_offsets):
        self._publisher.publish(outputs, dead_letters, self._keep_waiting)
        self._publisher.flush(FLUSH_SLICE_SECONDS)
        self._note(next_offsets)
        self._commit_due()
        return {}


class ForgetsRefusedOutputs(AtLeastOnce):
    def finish(self, outputs, dead_letters, next_offsets):
        try:
            return super().finish(outputs, dead_letters, next_offsets)
        except DeliveryError:
            self._note(next_offsets)
            return {}


class CommitsForLostPartitions(AtLeastOnce):
    def lost(self, partitions):
        pass


class FinishesWhatWentWhileItWaited(AtLeastOnce):
    def _forget(self, partitions):
        super()._forget(partitions)
        self._gone.clear()


class CommitsAgainWhateverWasRefused(AtLeastOnce):
    """Although the partition has had another owner since."""

    def _note_refused(self):
        self._noted = {**self._source.take_refused(), **self._noted}


class ForgetsRefusedCommits(AtLeastOnce):
    """A revocation takes what was refused of partitions that stay."""

    def revoked(self, partitions):
        super().revoked(partitions)
        self._noted = {}


class ProgressOverUnfinished(Progress):
    def find_news(self):
        return {p: n for p, n in self._source.progress().items() if n > self._settled.get(p, -1)}


class CommitsProgressOverUnfinished(AtLeastOnce):
    """Where a batch is being finished, the position is beyond it."""

    def __init__(self, publisher, source, **options):
        super().__init__(publisher, source, **options)
        self._progress = ProgressOverUnfinished(source)

    def _keep_waiting(self):
        self.tick()
        return super()._keep_waiting()


class NeverCommitsProgress(ExactlyOnce):
    def tick(self):
        pass


class TakesFreshMetadata(ExactlyOnce):
    def _membership(self):
        return self._source.group_metadata()


class SendsOffsetsBesideTheTransaction(ExactlyOnce):
    """As a plain commit, which knows nothing of the transaction's end."""

    def finish(self, outputs, dead_letters, next_offsets):
        self._source.commit(next_offsets, wait=True)
        return super().finish(outputs, dead_letters, next_offsets)


class SwallowsAborts(ExactlyOnce):
    def finish(self, outputs, dead_letters, next_offsets):
        try:
            return super().finish(outputs, dead_letters, next_offsets)
        except DeliveryError:
            return {}


class DoesNotAbort(ExactlyOnce):
    def _insist(self, call):
        if call != self._publisher.abort:
            super()._insist(call)


class CommitsInANewTransaction(ExactlyOnce):
    """Where the answer to a commit does not come, everything is done again."""

    def finish(self, outputs, dead_letters, next_offsets):
        self._publisher.begin()
        self._publisher.publish(outputs, dead_letters, self._patience.keep_waiting)
        self._insist(lambda seconds: self._publisher.send_offsets(next_offsets, self._membership(), seconds))
        self._insist(self._publisher.flush)
        if not self._publisher.commit(ANSWER_SLICE_SECONDS):
            return self.finish(outputs, dead_letters, next_offsets)
        return {}


class TakesNoAnswerForAGoodOne(ExactlyOnce):
    def _insist(self, call):
        call(ANSWER_SLICE_SECONDS)


class KeepsStaleRecords(MemorySource):
    """A revocation between two consumes of one poll passes the records of the first one by."""

    def _keep_ours(self, records):
        return records


class RewindsWhatCameBack(MemorySource):
    def rewind(self, next_offsets):
        ours = {p: n for p, n in next_offsets.items() if p in self.assignment()}
        self._positions.update(ours)
        self._unknown -= ours.keys()
        for partition in ours:
            self._ends.pop(partition, None)


class RewindsNothingThatMovedInItsPoll(MemorySource):
    """What went and came back within a poll is taken for someone else's, although this poll handed it out."""

    def poll(self, max_records, max_bytes, timeout_seconds):
        left = set[TopicPartition]()
        drop = self._drop

        def remember(partitions):
            left.update(partitions)
            drop(partitions)

        self._drop = remember
        records = super().poll(max_records, max_bytes, timeout_seconds)
        self._drop = drop
        self._left |= left
        return records


class ForgetsToRewind(Recovery):
    def roll_back(self, records, error, backoff):
        self._wait_polling(self._clock() + backoff.next_seconds(), from_seconds=0.0)


class RewindsToTheLast(Recovery):
    def roll_back(self, records, error, backoff):
        self._source.rewind({p: n for r in records for p, n in find_first_offsets([r]).items()})


class KeepsInHandWhatItHandedBack(Recovery):
    def hold(self, records, error, backoff, **options):
        super().hold(records, error, backoff, **options)
        return not self._stop.is_set()


class LosesWhatItHolds(Recovery):
    """After a wait that lasted, the batch is taken for handed back, and was not."""

    def hold(self, records, error, backoff, **options):
        super().hold(records, error, backoff, **options)
        return False


def recovering(recovery):
    class Mutant(StreamLoop):
        def __init__(self, source, path, delivery, *, stop, clock, **options):
            super().__init__(source, path, delivery, stop=stop, clock=clock, **options)
            self._recovery = recovery(source, delivery, stop=stop, clock=clock, observers=())

    return Mutant


class HalvesInReverse(Slice):
    """To be put in the place of `Slice`: of what is too large, the second half is finished first."""

    def narrow_down(self, error):
        return tuple(HalvesInReverse(s.records, s.too_large) for s in reversed(Slice.narrow_down(self, error)))


class RewindsOnlyTheHalf(StreamLoop):
    """Where half of a batch fails, the other half is forgotten."""

    def __init__(self, source, path, delivery, **options):
        super().__init__(source, path, delivery, **options)
        roll_back = self._recovery.roll_back
        self._last = []
        self._recovery.roll_back = lambda records, error, backoff: roll_back(self._last, error, backoff)

    def _finish(self, part, watch):
        self._last = part.records[-1:]
        super()._finish(part, watch)


AT_LEAST_ONCE = {
    mutant.__name__: Make(at_least_once=mutant)
    for mutant in (
        CommitsBeforePublishing,
        DoesNotWaitForAcknowledgement,
        ForgetsRefusedOutputs,
        CommitsForLostPartitions,
        FinishesWhatWentWhileItWaited,
        CommitsAgainWhateverWasRefused,
        ForgetsRefusedCommits,
        CommitsProgressOverUnfinished,
    )
}
EXACTLY_ONCE = {
    mutant.__name__: Make(exactly_once=mutant)
    for mutant in (
        NeverCommitsProgress,
        TakesFreshMetadata,
        SendsOffsetsBesideTheTransaction,
        SwallowsAborts,
        DoesNotAbort,
        CommitsInANewTransaction,
        TakesNoAnswerForAGoodOne,
    )
}
EITHER = {
    **{
        mutant.__name__: Make(source=mutant)
        for mutant in (KeepsStaleRecords, RewindsWhatCameBack, RewindsNothingThatMovedInItsPoll)
    },
    **{
        recovery.__name__: Make(loop=recovering(recovery))
        for recovery in (ForgetsToRewind, RewindsToTheLast, KeepsInHandWhatItHandedBack, LosesWhatItHolds)
    },
    "RewindsOnlyTheHalf": Make(loop=RewindsOnlyTheHalf),
}
