"""Scores with shadow versions what others have answered: afterwards, on a thread of its own, as far as it gets."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from scoreline.errors import ModelRejected, ServiceError
from scoreline.features import FeatureSet, Matrix
from scoreline.models.model import ModelVersion, Scores
from scoreline.records import Clock
from scoreline.scoring.score import score
from scoreline.scoring.troubles import Troubles

logger = logging.getLogger("scoreline.shadow")

MOST_WAITING_ROWS = 16_384
"""Eight full batches; a row of 26 features and its record take about 700 bytes."""

MOST_WAITING_BYTES = 64 * 1024 * 1024
"""Of matrices, payloads and bodies: some rows are a thousand times as large as that."""

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Answered:
    """Rows that a version has answered, and the versions that are to score them, too.

    Attributes:
        scores: what the answering version gave, all finite; shape (rows,) or (rows, classes).
        features: settled, as the answering version got them; shape (rows, features).
        read: the same rows for other features, not settled: which of them can be read, and their matrix.
        payload_bytes: what `read` and `publish` keep in memory for it.
        publish: takes a shadow's scores of some rows; raises `ServiceError` where they cannot be put out.
    """

    version: ModelVersion
    shadows: Sequence[ModelVersion]
    scores: Scores
    features: Matrix
    read: Callable[[FeatureSet], tuple[Rows, Matrix]]
    payload_bytes: int
    publish: Callable[[ModelVersion, Rows, Scores], None] | None = None

    @property
    def size(self) -> int:
        """Bytes that it keeps in memory while it waits."""
        return self.features.nbytes + self.scores.nbytes + self.payload_bytes


class ShadowObserver(Protocol):
    """Learns what shadows gave; may not raise."""

    def shadow_scored(self, answered: ModelVersion, shadow: ModelVersion, scores: Scores, shadowed: Scores) -> None:
        """Both have scored the same rows: what was answered, and what the shadow gave."""
        ...

    def shadow_dropped(self, rows: int) -> None:
        """So many rows were not scored by a shadow, or not put out."""
        ...


class ShadowScorer:
    """Takes what was answered from any thread, and never has anyone wait.

    Args:
        observer: told of everything that comes of it.
        most_waiting_rows, most_waiting_bytes: how much waits, together with what is being scored; a batch or a request
            that is larger is taken when nothing else is there.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        observer: ShadowObserver,
        *,
        most_waiting_rows: int = MOST_WAITING_ROWS,
        most_waiting_bytes: int = MOST_WAITING_BYTES,
        clock: Clock = time.monotonic,
    ) -> None:
        self._observer = observer
        self._most_waiting_rows = most_waiting_rows
        self._most_waiting_bytes = most_waiting_bytes
        self._waiting: deque[Answered] = deque()
        self._rows = self._bytes = 0
        self._change = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._troubles = Troubles(clock)

    def offer(self, answered: Answered) -> None:
        """Take rows to be scored when there is time; dropped, and counted, where too many wait already."""
        rows, size = len(answered.scores), answered.size
        with self._change:
            taken = not self._closed and self._has_room(rows, size)
            if taken:
                self._waiting.append(answered)
                self._rows += rows
                self._bytes += size
                self._change.notify()
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
                    self._thread.start()
        if not taken:
            self._observer.shadow_dropped(rows * len(answered.shadows))

    def close(self, timeout_seconds: float) -> None:
        """Drop what waits, and wait for what is being scored."""
        with self._change:
            self._closed = True
            dropped = sum(len(answered.scores) * len(answered.shadows) for answered in self._waiting)
            self._waiting.clear()
            self._change.notify()
        if dropped:
            self._observer.shadow_dropped(dropped)
        if self._thread is not None:
            self._thread.join(timeout_seconds)

    def _has_room(self, rows: int, size: int) -> bool:
        if not self._rows:
            return True
        return self._rows + rows <= self._most_waiting_rows and self._bytes + size <= self._most_waiting_bytes

    def _run(self) -> None:
        # Nothing of what was scored last is held on to here: versions that are let go would stay in memory until more
        # comes, which may be never.
        while self._score_next():
            pass

    def _score_next(self) -> bool:
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return False
            answered = self._waiting.popleft()
        for shadow in answered.shadows:
            self._score(answered, shadow)
        with self._change:
            self._rows -= len(answered.scores)
            self._bytes -= answered.size
        return True

    def _score(self, answered: Answered, shadow: ModelVersion) -> None:
        """Whatever goes wrong with a shadow is told and counted; nobody waits for it."""
        total = done = len(answered.scores)
        try:
            rows, scores = _score_rows(answered, shadow)
            done = len(rows)
            self._observer.shadow_scored(answered.version, shadow, answered.scores[rows], scores)
            if answered.publish is not None:
                answered.publish(shadow, rows, scores)
        except Exception as error:  # noqa: BLE001 - counted, logged, and no reason to end the thread
            done = 0
            self._tell(answered, shadow, error)
        else:
            self._troubles.settle(_name_way(answered, shadow))
        if done < total:
            self._observer.shadow_dropped(total - done)

    def _tell(self, answered: Answered, shadow: ModelVersion, error: Exception) -> None:
        """One line for each trouble, not for each batch."""
        if not self._troubles.is_news(_name_way(answered, shadow), type(error).__name__):
            return
        logger.warning(
            "version %d cannot shadow: %s",
            shadow.version,
            error,
            exc_info=None if isinstance(error, ServiceError) else error,
            extra={
                "event": "shadow_failed",
                "model": shadow.name,
                "version": shadow.version,
                "error": f"{type(error).__name__}: {error}",
            },
        )


def _name_way(answered: Answered, shadow: ModelVersion) -> tuple[str, int, bool]:
    """What may go wrong by itself: another shadow, or the same one over HTTP, may be well meanwhile."""
    return shadow.name, shadow.version, answered.publish is not None


def _score_rows(answered: Answered, shadow: ModelVersion) -> tuple[Rows, Scores]:
    """What the shadow gives, for the rows for which it gives a finite score.

    Raises:
        ModelRejected: it gives none at all, or of another shape than promised.
    """
    features = shadow.model.features
    rows, matrix = np.arange(len(answered.scores)), answered.features
    if features is not answered.version.model.features:
        rows, matrix = answered.read(features)
        bad = [problem.row for problem in features.settle(matrix).problems]
        if bad:
            good = np.setdiff1d(np.arange(len(rows)), bad)
            rows, matrix = rows[good], np.ascontiguousarray(matrix[good])
    scored = score(shadow, matrix)
    if len(scored.infinite) == len(rows):
        raise ModelRejected(
            f"it can score none of {len(answered.scores)} rows: they lack a feature that it needs, or what it gives is "
            "no finite number"
        )
    if not len(scored.infinite):
        return rows, scored.scores
    return np.delete(rows, scored.infinite), np.delete(scored.scores, scored.infinite, axis=0)
