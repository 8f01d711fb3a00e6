"""`/openapi.json`: the document as of the live version, whose features it tells."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from scoreline import __version__
from scoreline.errors import ModelNotFound
from scoreline.features import FeatureSet
from scoreline.http.auth import Door
from scoreline.http.exchange import Answer, Call
from scoreline.http.openapi.document import make_document
from scoreline.http.openapi.operations import Operation, as_json
from scoreline.http.predict.operation import Instance
from scoreline.http.query import read_query
from scoreline.http.routes import Route
from scoreline.models.live_route import LiveRoute, Versions
from scoreline.schemas.row_schema import make_row_schema

_OPERATION = Operation(
    description="Instances have the features of the live version, or of those that the alias is a route of.",
    answers={200: as_json(dict[str, Any])},
)
_Told = tuple[tuple[FeatureSet, ...], tuple[FeatureSet, ...]]


class DocumentRoutes:
    """Makes the document when it is first asked for, and again when other features are live.

    Args:
        list_all: every route of the sidecar, this one included.
        guarded: whether callers are asked for tokens.
    """

    def __init__(self, list_all: Callable[[], Sequence[Route]], versions: Versions, *, guarded: bool) -> None:
        self._list_all = list_all
        self._versions = versions
        self._guarded = guarded
        # The features and not the versions, which would keep a model in memory that nobody asks for any more.
        self._told: _Told | None = None
        self._document = b""

    def list_routes(self) -> list[Route]:
        """The route, for whoever may predict: features and their levels are not for everyone."""
        summary = "This API as OpenAPI 3.1, with the features of the live version"
        return [Route("GET", "/openapi.json", Door.PREDICT, self.show, summary, _OPERATION)]

    async def show(self, call: Call) -> Answer:
        """The document."""
        read_query(call.request, ())
        told = _find_told(self._versions)
        if told != self._told:
            self._document = self._make(told)
            self._told = told
        return Answer(200, self._document)

    def _make(self, told: _Told) -> bytes:
        document = make_document(
            self._list_all(),
            version=__version__,
            guarded=self._guarded,
            replaced={Instance.__name__: _describe_instance(*told)},
        )
        return msgspec.json.encode(document)


def _find_told(versions: Versions) -> _Told:
    """Features of the versions that answer, and of all that are loaded; none where no version is live."""
    try:
        live: LiveRoute = versions.resolve()
    except ModelNotFound:
        return (), ()
    answering, loaded = (tuple(v.model.features for v in group) for group in (live.versions, live.loaded))
    return tuple(dict.fromkeys(answering)), loaded


def _describe_instance(answering: Sequence[FeatureSet], loaded: Sequence[FeatureSet]) -> Mapping[str, Any]:
    also_known = {name for features in loaded for name in features.names}
    described = [make_row_schema(features, also_known) for features in answering]
    about = "A value for each feature of the live version."
    if not described:
        return {"type": "object", "description": "A value for each feature; no version is live yet."}
    if len(described) == 1:
        return {"description": about, **described[0]}
    return {"description": "The request's key chooses which of these versions answers.", "anyOf": described}
