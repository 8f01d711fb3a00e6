"""What of one poll is finished together: all of it, or halves of it while an output that is too large is looked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from scoreline.errors import DeliveryError, RecordTooLarge
from scoreline.records import DeadLetter, Outputs, Reason, Record
from scoreline.scoring import Batch, Scored


@dataclass(frozen=True, slots=True)
class Slice:
    """Records of one poll that are finished together: all of it, unless an output turned out to be too large.

    Attributes:
        too_large: why the one record cannot have a prediction; None as long as it may.
    """

    records: Sequence[Record]
    too_large: str | None = None

    def narrow_down(self, error: DeliveryError) -> Sequence["Slice"]:
        """In which slices to go on, in input order, where an output is too large; none for any other reason.

        The broker refuses whole requests, and does not say for which record. So the slice is halved until it is found.
        """
        if not isinstance(error, RecordTooLarge) or self.too_large is not None:
            return ()
        if len(self.records) == 1:
            return (Slice(self.records, f"its prediction is larger than the output topic allows: {error}"),)
        middle = len(self.records) // 2
        return Slice(self.records[:middle]), Slice(self.records[middle:])

    def bury(self) -> Batch:
        """The one record as a dead letter."""
        (record,) = self.records
        return Batch(self.records, (), [DeadLetter(record, Reason.TOO_LARGE, self.too_large or "")])


def join(slices: Sequence[Slice]) -> list[Record]:
    """The records of all of them, in order."""
    return [record for part in slices for record in part.records]


@dataclass(frozen=True, slots=True)
class ScoredSlice:
    """What is delivered, and what observers are told of it."""

    batch: Batch
    scores: Sequence[Scored]
    outputs: Outputs
    dead_letters: Sequence[DeadLetter]

    @property
    def tombstones(self) -> int:
        """Records without a value, whatever becomes of them."""
        dead = sum(letter.reason is Reason.TOMBSTONE for letter in self.batch.dead_letters)
        return dead + self.batch.skipped + len(self.batch.forwarded)
