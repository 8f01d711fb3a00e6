"""The frozen facts that the flow hands to its observers, once a batch or once a request."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from scoreline.records import DeadLetter, Record
from scoreline.scoring import Part, Scored


@dataclass(frozen=True, slots=True)
class BatchScored:
    """One batch of the stream that has been finished: acknowledged, and its offsets noted.

    Attributes:
        records: all that was polled.
        parts, scored: what each version was given and gave, in the same order.
        dead_letters: every record of the batch that could not be scored.
        skipped: tombstones that were dropped on request.
        stage_seconds: time by stage: `poll`, `decode`, `predict`, `encode`, `publish`, `commit`.
        finished_at_ms: when the last acknowledgement was in, milliseconds since the epoch.
    """

    records: Sequence[Record]
    parts: Sequence[Part]
    scored: Sequence[Scored]
    dead_letters: Sequence[DeadLetter]
    skipped: int
    stage_seconds: Mapping[str, float]
    finished_at_ms: int

    @property
    def predictions(self) -> Counter[int]:
        """How many predictions each version made."""
        counts: Counter[int] = Counter()
        for part, result in zip(self.parts, self.scored, strict=True):
            counts[part.version.version] += len(part.positions) - len(result.infinite)
        return counts


class BatchObserver(Protocol):
    """Learns of finished batches; may not raise and may not keep the records."""

    def batch_scored(self, event: BatchScored) -> None:
        """Take note of a finished batch."""
        ...


@dataclass(frozen=True, slots=True)
class RequestServed:
    """One HTTP request that has been answered.

    Attributes:
        route: the route's pattern, never the path that was asked for.
        instances: rows in the request, 0 where it has none.
        version: that answered, None where none did.
    """

    route: str
    method: str
    status: int
    seconds: float
    request_id: str
    instances: int = 0
    version: int | None = None


class RequestObserver(Protocol):
    """Learns of answered requests; may not raise."""

    def request_served(self, event: RequestServed) -> None:
        """Take note of an answered request."""
        ...
