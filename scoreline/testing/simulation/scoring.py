"""A scoring path that costs nothing: good records come out as they went in, the others are dead letters."""

from collections.abc import Callable, Sequence
from typing import cast

from scoreline.errors import Unavailable
from scoreline.records import DeadLetter, Outputs, Reason, Record
from scoreline.scoring import Batch, Scored, ScoringPath

MAX_RECORD_BYTES = 100


class IdentityPath:
    """Offers the methods of `scoreline.scoring.ScoringPath`.

    Values are `good<n>`, `bad<n>` where it cannot be decoded, and `large<n>` where the prediction is larger than the
    output topic allows.

    Args:
        is_away: whether the registry is away at the moment.
    """

    def __init__(self, is_away: Callable[[], bool]) -> None:
        self._is_away = is_away

    def decode(self, records: Sequence[Record]) -> Batch:
        """Find the dead letters."""
        if self._is_away():
            raise Unavailable("the registry is away")
        return Batch(
            records,
            (),
            [DeadLetter(r, Reason.UNDECODABLE, "bad") for r in records if (r.value() or b"").startswith(b"bad")],
        )

    def predict(self, batch: Batch) -> list[Scored]:  # noqa: ARG002 - the port's
        """Nothing to compute."""
        return []

    def encode(self, batch: Batch, scored: Sequence[Scored]) -> tuple[Outputs, Sequence[DeadLetter]]:  # noqa: ARG002
        """Values as they are, large ones made large."""
        dead = {id(letter.record) for letter in batch.dead_letters}
        kept = [r for r in batch.records if id(r) not in dead]
        values = [_predict(r.value() or b"") for r in kept]
        return Outputs(kept, values, "model", 1), batch.dead_letters

    def as_path(self) -> ScoringPath:
        """For the loop, which names the class."""
        return cast("ScoringPath", self)


def _predict(value: bytes) -> bytes:
    return value.ljust(2 * MAX_RECORD_BYTES) if value.startswith(b"large") else value
