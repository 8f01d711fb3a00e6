"""Takes note of predictions on the loop, as cheaply as can be, for whoever joins labels to them on another thread."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from scoreline.models.model import ModelVersion, Scores
from scoreline.observability.events import BatchScored
from scoreline.records import Clock
from scoreline.schemas.predictions import Source, choose_ids
from scoreline.scoring import Part, Scored


@dataclass(frozen=True, slots=True)
class NotedPredictions:
    """What one version predicted in one batch.

    Attributes:
        ids: UTF-8, as in the predictions.
        scores: shape (rows,) or (rows, classes).
        at_seconds: monotonic.
    """

    version: ModelVersion
    ids: Sequence[bytes]
    scores: Scores
    at_seconds: float


class PredictionNotes:
    """Observer of batches; the oldest notes go where nobody takes them in time.

    Args:
        most: predictions that are kept until they are taken.
        clock: monotonic seconds.
    """

    def __init__(self, most: int, clock: Clock) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: deque[NotedPredictions] = deque()
        self._rows = 0

    def batch_scored(self, event: BatchScored) -> None:
        """Take note of a finished batch."""
        now = self._clock()
        for part, result in zip(event.parts, event.scored, strict=True):
            if len(part.positions) == len(result.infinite):
                continue
            noted = _note(event, part, result, now)
            with self._lock:
                self._noted.append(noted)
                self._rows += len(noted.ids)
                while self._rows > self._most and len(self._noted) > 1:
                    self._rows -= len(self._noted.popleft().ids)

    def list_versions(self) -> list[ModelVersion]:
        """Versions that something is noted of."""
        with self._lock:
            return list({noted.version.version: noted.version for noted in self._noted}.values())

    def take(self) -> list[NotedPredictions]:
        """Everything that is noted, in order; it is forgotten here."""
        with self._lock:
            taken = list(self._noted)
            self._noted.clear()
            self._rows = 0
            return taken


def _note(event: BatchScored, part: Part, result: Scored, now: float) -> NotedPredictions:
    positions, ids, scores = part.positions, part.ids, result.scores
    if len(result.infinite):
        good = np.delete(np.arange(len(positions)), result.infinite)
        positions, scores = positions[good], scores[good]
        ids = None if ids is None else [ids[i] for i in good.tolist()]
    if ids is not None and None not in ids:
        return NotedPredictions(part.version, cast("Sequence[bytes]", ids), scores, now)
    records = event.records
    kept = records if len(positions) == len(records) else [records[i] for i in positions.tolist()]
    return NotedPredictions(part.version, choose_ids(Source(kept, ids)), scores, now)
