"""`POST /predict`: JSON rows → matrix → scores → JSON. Little is scored where it is, much on a thread."""

from collections.abc import Sequence

import msgspec
import numpy as np

from scoreline.http.exchange import JSON, Answer, Call
from scoreline.http.limits import BodyReader, Limits, check_expectation
from scoreline.http.media_types import check_media_type
from scoreline.http.pool import BoundedPool
from scoreline.http.predict.explanations import check_explained, explain, read_explain
from scoreline.http.predict.row_decoders import RowDecoders
from scoreline.http.predict.scored_rows import score_rows
from scoreline.http.predict.shadowing import HttpShadows
from scoreline.http.predict.version_finder import VersionFinder, find_key, find_others
from scoreline.http.query import read_flag, read_query
from scoreline.models.explanations import Explanation
from scoreline.models.live_route import LiveRoute
from scoreline.models.model import ModelVersion, Scores
from scoreline.observability.events import RowsObserver
from scoreline.records import Clock
from scoreline.schemas.json_rows import JsonRows

INLINE_BYTES = 16 * 1024
INLINE_ROWS = 16
"""Up to here a request is scored on the event loop. With the flights model (200 trees) that holds up others for a
quarter of a millisecond; a hop to a thread and back costs what two to five rows do, so it would gain nothing there."""

INLINE_VALUES = 512
"""Rows that are no objects have no braces to be counted by."""

CLASSES_AT_ONCE = 64
"""With more, an answer may be more than a connection takes without somebody to wait until it is read."""

_QUERY = frozenset({"version", "ignore_unknown", "explain"})


class Predictions(msgspec.Struct, gc=False):
    """The answer of a model with one output; msgspec writes doubles so that they read back to the same bits."""

    predictions: list[float]
    model: str
    version: int
    latency_ms: float
    explanations: list[Explanation] | msgspec.UnsetType = msgspec.UNSET


class ClassPredictions(msgspec.Struct, gc=False):
    """The answer of a multi-class model: a prediction is the lowest index of the largest score, as a double."""

    predictions: list[float]
    labels: list[str]
    scores: list[list[float]]
    model: str
    version: int
    latency_ms: float
    explanations: list[Explanation] | msgspec.UnsetType = msgspec.UNSET


class Predictor:
    """Answers `POST /predict`. Only the event loop calls it; what it hands to threads shares nothing but the model."""

    def __init__(
        self,
        finder: VersionFinder,
        limits: Limits,
        *,
        bodies: BodyReader,
        scoring: BoundedPool,
        explaining: BoundedPool,
        clock: Clock,
        shadows: HttpShadows | None = None,
        observer: RowsObserver | None = None,
    ) -> None:
        self._finder = finder
        self._limits = limits
        self._scoring = scoring
        self._explaining = explaining
        self._clock = clock
        self._shadows = shadows
        self._observer = observer
        self._bodies = bodies
        self._encoder = msgspec.json.Encoder()
        self._decoders = RowDecoders()

    async def answer(self, call: Call) -> Answer:
        """Score the instances of a request.

        Raises:
            ServiceError, Refusal: whatever the caller or the service did wrong; see `scoreline.http.errors`.
        """
        request = call.request
        query = read_query(request, _QUERY)
        count = read_explain(query)
        check_media_type(request)
        body = await self._bodies.read(request)
        pool = self._scoring if count is None else self._explaining
        pool.check_room()
        route = await self._finder.find(query.get("version"))
        version = route.only or route.choose(find_key(call))
        rows = self._find_decoder(version, route, ignore_unknown=read_flag(query, "ignore_unknown"))
        if count is None and _is_small(body):
            return self._score(version, route.shadows, rows, body, call.started)
        return await pool.run(lambda: self._score(version, route.shadows, rows, body, call.started, count))

    def answer_at_once(self, call: Call, body: bytes) -> Answer | None:
        """Score instances that are few, asked for without a query; None for what is too large.

        Args:
            body: that was not compressed, of up to `INLINE_BYTES`, and that `may_have_few` has admitted.

        Raises:
            ServiceError, Refusal: as `answer` does.
        """
        if len(body) > self._limits.max_body_bytes:
            return None
        check_media_type(call.request)
        check_expectation(call.request)
        self._scoring.check_room()
        route = self._finder.find_live()
        version = route.only or route.choose(find_key(call))
        if len(version.model.classes or ()) > CLASSES_AT_ONCE:
            return None
        rows = self._find_decoder(version, route, ignore_unknown=False)
        return self._score(version, route.shadows, rows, body, call.started)

    def _find_decoder(self, version: ModelVersion, route: LiveRoute, *, ignore_unknown: bool) -> JsonRows:
        return self._decoders.find(version.model.features, options=ignore_unknown, others=find_others(route))

    def _score(
        self,
        version: ModelVersion,
        shadows: Sequence[ModelVersion],
        rows: JsonRows,
        body: bytes,
        started: float,
        count: int | None = None,
    ) -> Answer:
        """All of the work on one request; runs on the loop or, always with explanations, on a thread."""
        matrix = rows.decode(body, max_instances=self._limits.max_instances)
        if count is not None:
            check_explained(len(matrix))
        scores = score_rows(version, matrix, self._observer)
        explanations = msgspec.UNSET if count is None else explain(version, matrix, scores, count)
        encoded = self._encode(version, scores, started, explanations)
        if shadows and self._shadows is not None:
            self._shadows.offer(version, shadows, body, matrix, scores)
        return Answer(200, encoded, JSON, instances=len(matrix), version=version.version)

    def _encode(
        self,
        version: ModelVersion,
        scores: Scores,
        started: float,
        explanations: list[Explanation] | msgspec.UnsetType,
    ) -> bytes:
        latency_ms = round((self._clock() - started) * 1000, 3)
        classes = version.model.classes
        if classes is None:
            return self._encoder.encode(
                Predictions(scores.tolist(), version.name, version.version, latency_ms, explanations)
            )
        best: list[int] = np.argmax(scores, axis=1).tolist()
        labels = [classes[i] for i in best]
        return self._encoder.encode(
            ClassPredictions(
                [float(i) for i in best],
                labels,
                scores.tolist(),
                version.name,
                version.version,
                latency_ms,
                explanations,
            )
        )


def may_have_few(data: bytes) -> bool:
    """Whether a body in these bytes has few rows and few values, whatever they are; what stands before it counts, too.

    Rows that are bad are looked at one by one.
    """
    return data.count(b"{") <= INLINE_ROWS + 1 and data.count(b",") <= INLINE_VALUES


def _is_small(body: bytes) -> bool:
    return len(body) <= INLINE_BYTES and may_have_few(body)
