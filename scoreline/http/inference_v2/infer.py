"""`POST /v2/models/{name}[/versions/{version}]/infer`: tensors → matrix → scores → tensors."""

from collections.abc import Callable, Sequence

import msgspec

from scoreline.errors import MalformedRequest
from scoreline.features import FeatureSet, Matrix
from scoreline.http.exchange import JSON, Answer, Call
from scoreline.http.inference_v2.bodies import InferInput, InferRequest, InferResponse
from scoreline.http.inference_v2.layout import Layout, count_rows, find_layout
from scoreline.http.inference_v2.matrix import TensorRows
from scoreline.http.inference_v2.outputs import choose_outputs, make_outputs
from scoreline.http.inference_v2.request import check_is_json, read_request
from scoreline.http.limits import BodyReader, Limits
from scoreline.http.pool import BoundedPool
from scoreline.http.predict.predictor import INLINE_BYTES, INLINE_ROWS, INLINE_VALUES
from scoreline.http.predict.scored_rows import score_rows
from scoreline.http.predict.shadowing import HttpShadows
from scoreline.http.predict.version_finder import VersionFinder, find_key, find_others
from scoreline.models.live_route import LiveRoute
from scoreline.models.model import ModelVersion
from scoreline.observability.events import RowsObserver
from scoreline.schemas.latest_decoders import LatestDecoders


class Inferrer:
    """Answers requests for tensors. Only the event loop calls it; what it hands to threads shares nothing but models.

    Args:
        bodies, scoring: those of `POST /predict`, so that both together keep to the limits.
    """

    def __init__(
        self,
        finder: VersionFinder,
        limits: Limits,
        *,
        bodies: BodyReader,
        scoring: BoundedPool,
        shadows: HttpShadows | None = None,
        observer: RowsObserver | None = None,
    ) -> None:
        self._finder = finder
        self._limits = limits
        self._bodies = bodies
        self._scoring = scoring
        self._shadows = shadows
        self._observer = observer
        self._decoders = LatestDecoders(_make_rows)
        self._shadows_decoders = LatestDecoders(_make_rows)  # only the thread of the shadows uses it
        self._encoder = msgspec.json.Encoder()

    async def read(self, call: Call) -> bytes:
        """The body of a request.

        Raises:
            UnsupportedMediaType: it is not JSON alone.
            RequestTooLarge, BodyTooSlow, MalformedRequest, Overloaded: it does not arrive, or may not.
        """
        check_is_json(call.request)
        body = await self._bodies.read(call.request)
        self._scoring.check_room()
        return body

    async def answer(self, call: Call, route: LiveRoute, body: bytes) -> Answer:
        """Score the rows of a request with what its path names.

        Raises:
            ServiceError, Refusal: whatever the caller or the service did wrong; see `scoreline.http.errors`.
        """
        version = route.only or route.choose(find_key(call))
        rows = self._decoders.find(version.model.features, options=None)
        if not _is_short(body):
            return await self._scoring.run(lambda: self._score(version, route, rows, read_request(body), len(body)))
        request = read_request(body)
        if count_rows(request.inputs) <= INLINE_ROWS:
            return self._score(version, route, rows, request, len(body))
        return await self._scoring.run(lambda: self._score(version, route, rows, request, len(body)))

    def _score(
        self, version: ModelVersion, route: LiveRoute, rows: TensorRows, request: InferRequest, body_bytes: int
    ) -> Answer:
        """All of the work on one request; runs on the loop or on a thread."""
        outputs = choose_outputs(version, request.outputs)
        layout = find_layout(request.inputs, version.model.features, max_instances=self._limits.max_instances)
        if layout.matrix_names is not None:
            _check_order(route)
        also_known = frozenset(name for each in find_others(route) for name in each.names)
        matrix = rows.decode(request.inputs, layout, also_known=also_known)
        scores = score_rows(version, matrix, self._observer)
        response = InferResponse(
            model_name=version.name,
            model_version=str(version.version),
            id=request.id,
            outputs=make_outputs(version, outputs, scores),
        )
        encoded = self._encoder.encode(response)
        if route.shadows and self._shadows is not None:
            decode = self._make_decode(request.inputs, layout)
            self._shadows.offer_decoded(version, route.shadows, matrix, scores, decode, body_bytes)
        return Answer(200, encoded, JSON, instances=len(matrix), version=version.version)

    def _make_decode(self, inputs: Sequence[InferInput], layout: Layout) -> Callable[[FeatureSet], Matrix]:
        """What reads the same tensors for the features of a shadow, whatever else is among them."""
        return lambda others: self._shadows_decoders.find(others, options=None).decode(inputs, layout, also_known=None)


def _make_rows(features: FeatureSet, _options: None, _others: tuple[FeatureSet, ...]) -> TensorRows:
    return TensorRows(features)


def _is_short(body: bytes) -> bool:
    return len(body) <= INLINE_BYTES and body.count(b",") <= INLINE_VALUES


def _check_order(route: LiveRoute) -> None:
    """A matrix has no names: where versions differ in their features, nobody knows which order it has.

    Raises:
        MalformedRequest: the versions that may answer have different features.
    """
    if len({each.model.features.names for each in route.versions}) > 1:
        numbers = " and ".join(map(str, route.numbers))
        raise MalformedRequest(
            f"versions {numbers}, which answer here, have different features, so that a matrix may mean either: send a"
            " tensor by name for each feature, or name the version in the path"
        )
