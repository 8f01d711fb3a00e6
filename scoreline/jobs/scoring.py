"""Chunks to results, through the one scoring path."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoreline.errors import InstanceProblem, ModelNotFound, ModelRejected
from scoreline.features import FeatureSet, Matrix, bound_unseen
from scoreline.jobs.chunk import Chunk
from scoreline.jobs.result import ChunkResult, RowError
from scoreline.models.live_route import Versions
from scoreline.models.model import ModelVersion, Scores
from scoreline.records import Clock
from scoreline.schemas.json_lines import JsonLines
from scoreline.schemas.latest_decoders import LatestDecoders
from scoreline.scoring import score

MOST_DETAIL_BYTES = 256 * 1024
"""So much is told of what is wrong with the rows of a chunk; of the rest only that something is."""

NOT_FINITE = "the model's output is not a finite number"

_UNTOLD = "the row cannot be scored either"
_MOST_REMEMBERED = 16
_SHOWN_ERROR = 400


class ScoredRows(NamedTuple):
    """Rows of a chunk that have a prediction, as `RowsObserver` is told of them once the chunk is finished."""

    version: ModelVersion
    features: Matrix
    unseen: npt.NDArray[np.int64]
    scores: Scores


@dataclass(frozen=True, slots=True)
class ScoredChunk:
    """A result, and what it took.

    Attributes:
        seconds: by stage: `decode`, `predict`.
        rows: None where there are none with a prediction.
    """

    result: ChunkResult
    seconds: Mapping[str, float]
    rows: ScoredRows | None = None


class ChunkScorer:
    """Scores chunks of the one model that `versions` is about; for one thread at a time.

    Args:
        clock: monotonic seconds.
        wall_clock: seconds since the epoch.
    """

    def __init__(self, versions: Versions, *, clock: Clock, wall_clock: Clock) -> None:
        self._versions = versions
        self._clock = clock
        self._wall_clock = wall_clock
        self._decoders = LatestDecoders(_make_lines, _MOST_REMEMBERED)

    def score(self, chunk: Chunk) -> ScoredChunk:
        """Score every row by the version that the job was submitted for; a bad row has errors and no prediction.

        Raises:
            DependencyError: the version has to be loaded, and the model store is away or refuses.
        """
        began = self._clock()
        order = chunk.order
        try:
            version = self._versions.resolve(str(order.version)).versions[0]
            options = order.ignore_unknown, order.also_known
            decoded = self._decoders.find(version.model.features, options=options).decode_lines(chunk.lines)
            decoded_at = self._clock()
            scored = score(version, decoded.features)
        except (ModelNotFound, ModelRejected) as error:
            return ScoredChunk(self._refuse(chunk, str(error)[:_SHOWN_ERROR]), {"decode": self._clock() - began})
        features, unseen = decoded.features, decoded.unseen
        rows, problems, scores = decoded.rows, dict(decoded.problems), scored.scores
        if len(scored.infinite):
            for row in rows[scored.infinite].tolist():
                problems[row] = [InstanceProblem(row, NOT_FINITE)]
            rows, scores = np.delete(rows, scored.infinite), np.delete(scores, scored.infinite, axis=0)
            features = np.delete(features, scored.infinite, axis=0)
            unseen = bound_unseen(unseen, features)
        told = ScoredRows(version, features, unseen, scores) if len(rows) else None
        classes = version.model.classes
        predictions: Scores = np.full(chunk.rows, np.nan)
        if classes is None:
            predictions[rows], all_scores = scores, None
        else:
            all_scores = np.full((chunk.rows, len(classes)), np.nan)
            all_scores[rows] = scores
            predictions[rows] = np.argmax(scores, axis=1)
        result = self._make(chunk, predictions, _tell(problems), classes or (), all_scores)
        return ScoredChunk(result, {"decode": decoded_at - began, "predict": self._clock() - decoded_at}, told)

    def _refuse(self, chunk: Chunk, detail: str) -> ChunkResult:
        """What becomes of rows that nothing can score any more."""
        problems = {row: [InstanceProblem(row, detail)] for row in range(chunk.rows)}
        return self._make(chunk, np.full(chunk.rows, np.nan), _tell(problems))

    def _make(
        self,
        chunk: Chunk,
        predictions: Scores,
        errors: Sequence[RowError],
        classes: tuple[str, ...] = (),
        scores: Scores | None = None,
    ) -> ChunkResult:
        order = chunk.order
        return ChunkResult(
            job_id=order.job_id,
            submission=order.submission,
            number=chunk.number,
            first_row=chunk.first_row,
            model=order.model,
            version=order.version,
            predictions=predictions,
            errors=errors,
            scored_at_ms=int(self._wall_clock() * 1000),
            classes=classes,
            scores=scores,
        )


def _make_lines(features: FeatureSet, options: tuple[bool, tuple[str, ...]], _: tuple[FeatureSet, ...]) -> JsonLines:
    ignore_unknown, also_known = options
    return JsonLines(features, ignore_unknown=ignore_unknown, also_known=frozenset(also_known))


def _tell(problems: Mapping[int, Sequence[InstanceProblem]]) -> tuple[RowError, ...]:
    return tuple(_bound(problems))


def _bound(problems: Mapping[int, Sequence[InstanceProblem]]) -> Iterator[RowError]:
    """Ascending by row; at least one error for each bad row, however much is wrong."""
    left = MOST_DETAIL_BYTES
    for row in sorted(problems):
        for i, problem in enumerate(problems[row]):
            left -= len(problem.detail.encode()) + len((problem.feature or "").encode())
            if left >= 0:
                yield RowError(row, problem.detail, problem.feature)
            elif not i:
                yield RowError(row, _UNTOLD)
