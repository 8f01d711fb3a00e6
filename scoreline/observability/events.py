"""The frozen facts that the flow hands to its observers, once a batch or once a request."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from scoreline.features import Matrix
from scoreline.models.model import ModelVersion, Scores
from scoreline.records import DeadLetter, Reason, Record, TopicPartition
from scoreline.schemas.event_times import Times, read_kafka_times
from scoreline.scoring import Part, Scored


class Outcome(StrEnum):
    """What became of a record; the last two are tombstones."""

    PREDICTED = "predicted"
    DEAD_LETTER = "dead_letter"
    SKIPPED = "skipped"
    FORWARDED = "forwarded"


@dataclass(frozen=True)
class BatchScored:
    """One batch of the stream that has been finished: acknowledged, and its offsets noted.

    What several observers ask for is worked out once, when the first of them asks.

    Attributes:
        records: all that was polled.
        last_records: the last of them in each partition.
        parts, scored: what each version was given and gave, in the same order.
        dead_letters: every record of the batch that could not be scored.
        skipped: tombstones that were dropped on request.
        stage_seconds: time by stage: `poll`, `decode`, `predict`, `encode`, `publish`, `commit`.
        finished_at_ms: when the last acknowledgement was in, milliseconds since the epoch.
        kafka_times_ms: of all records, as `read_kafka_times` gives them; None where nobody has asked them yet.
    """

    records: Sequence[Record]
    last_records: Mapping[TopicPartition, Record]
    parts: Sequence[Part]
    scored: Sequence[Scored]
    dead_letters: Sequence[DeadLetter]
    skipped: int
    stage_seconds: Mapping[str, float]
    finished_at_ms: int
    kafka_times_ms: Times | None = None

    @cached_property
    def predictions(self) -> Counter[int]:
        """How many predictions each version made."""
        counts: Counter[int] = Counter()
        for part, result in zip(self.parts, self.scored, strict=True):
            counts[part.version.version] += len(part.positions) - len(result.infinite)
        return counts

    @cached_property
    def reasons(self) -> Counter[Reason]:
        """How many dead letters there are for each reason."""
        return Counter(letter.reason for letter in self.dead_letters)

    @cached_property
    def outcomes(self) -> Mapping[tuple[str, Outcome], int]:
        """How many records of each topic came to which outcome; every record is counted once."""
        topics = {partition.topic for partition in self.last_records}
        if len(topics) == 1:
            predicted, dead = self.predictions.total(), len(self.dead_letters)
            found = {
                Outcome.PREDICTED: predicted,
                Outcome.DEAD_LETTER: dead,
                Outcome.SKIPPED: self.skipped,
                Outcome.FORWARDED: len(self.records) - predicted - dead - self.skipped,
            }
            topic = topics.pop()
            return {(topic, outcome): n for outcome, n in found.items() if n}
        counts: Counter[tuple[str, Outcome]] = Counter()
        counts.update((self.records[i].topic(), Outcome.PREDICTED) for i in self._find_predicted())
        counts.update((letter.record.topic(), Outcome.DEAD_LETTER) for letter in self.dead_letters)
        everything = Counter(r.topic() for r in self.records)
        everything.subtract(Counter(topic for topic, _ in counts.elements()))
        # One setting decides about all tombstones, so the rest is either all skipped or all forwarded.
        rest = Outcome.SKIPPED if self.skipped else Outcome.FORWARDED
        counts.update({(topic, rest): n for topic, n in everything.items() if n})
        return counts

    @cached_property
    def end_to_end_seconds(self) -> npt.NDArray[np.float64]:
        """From the Kafka timestamp of each predicted record that has one to the acknowledgement; never negative."""
        times = read_kafka_times(self.records) if self.kafka_times_ms is None else self.kafka_times_ms
        if self.predictions.total() < len(times):
            times = times[self._find_predicted()]
        return np.maximum(self.finished_at_ms - times[times > 0], 0) / 1000

    def _find_predicted(self) -> npt.NDArray[np.intp]:
        """Positions of the records that have a prediction."""
        found = [np.delete(part.positions, one.infinite) for part, one in zip(self.parts, self.scored, strict=True)]
        return np.concatenate([np.empty(0, dtype=np.intp), *found])


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


class RowsObserver(Protocol):
    """Learns of rows that were scored for a caller or a job; may be called from any thread, and may not raise."""

    def rows_scored(
        self, version: ModelVersion, features: Matrix, unseen: npt.NDArray[np.int64], scores: Scores
    ) -> None:
        """Take note of rows that were scored; the arrays may be kept, and are never changed.

        Args:
            features: settled; shape (rows, features).
            unseen: levels never seen in training, by feature, of these rows; shape (features,).
            scores: all finite; shape (rows,) or (rows, classes).
        """
        ...
