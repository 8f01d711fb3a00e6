"""What a batch is on its way through: which rows which version scores, and what became of the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from scoreline.features import Matrix
from scoreline.models.model import ModelVersion
from scoreline.records import DeadLetter, Record
from scoreline.schemas.event_times import Times, read_kafka_times


class Tombstones(StrEnum):
    """What becomes of a record without a value."""

    DEAD_LETTER = "dead-letter"
    SKIP = "skip"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a batch that one version scores.

    Attributes:
        positions: of the rows in the batch, ascending; shape (rows,).
        features: settled; shape (rows, features).
        unseen: levels never seen in training, by feature; shape (features,).
        shadows: versions that score the same rows once they are answered.
    """

    version: ModelVersion
    positions: npt.NDArray[np.intp]
    features: Matrix
    unseen: npt.NDArray[np.int64]
    ids: Sequence[bytes | None] | None
    event_times_ms: Sequence[int | None] | None
    shadows: tuple[ModelVersion, ...] = ()


@dataclass(frozen=True)
class Batch:
    """What one poll gave, decoded: every record is in exactly one of parts, dead letters, skipped and forwarded.

    Attributes:
        dead_letters: in input order.
        skipped: how many tombstones nobody will hear of.
        forwarded: positions of tombstones that go on to the output topic.
    """

    records: Sequence[Record]
    parts: Sequence[Part]
    dead_letters: Sequence[DeadLetter]
    skipped: int = 0
    forwarded: Sequence[int] = ()

    @cached_property
    def kafka_times_ms(self) -> Times:
        """Kafka's timestamps, as `read_kafka_times` gives them: to ask each record costs, and several ask."""
        return read_kafka_times(self.records)
