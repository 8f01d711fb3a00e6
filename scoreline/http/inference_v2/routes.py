"""The routes of the Open Inference Protocol, version 2: health, metadata, and the way to `infer`."""

from typing import Any

from scoreline.config.roles import Role
from scoreline.http.auth import Door
from scoreline.http.errors import UnknownModel
from scoreline.http.exchange import Answer, Call, answer_json
from scoreline.http.inference_v2.bodies import ModelReady, ServerLive, ServerReady
from scoreline.http.inference_v2.infer import Inferrer
from scoreline.http.inference_v2.metadata import describe_model, describe_server
from scoreline.http.inference_v2.operations import (
    INFER,
    INFER_VERSION,
    LIVE,
    MODEL,
    MODEL_READY,
    READY,
    SERVER,
    VERSION,
    VERSION_READY,
)
from scoreline.http.models import ModelListing
from scoreline.http.pool import BoundedPool
from scoreline.http.predict.version_finder import VersionFinder, find_key
from scoreline.http.query import read_query
from scoreline.http.routes import Route
from scoreline.models.live_route import LiveRoute
from scoreline.observability.health import HealthBoard

PREFIX = "/v2"

_MODEL = f"{PREFIX}/models/{{name}}"
_VERSION = f"{_MODEL}/versions/{{version}}"
_OK, _UNAVAILABLE = 200, 503


class InferenceRoutes:
    """Speaks the protocol for the one model that is served. Only the event loop calls it."""

    def __init__(
        self, finder: VersionFinder, inferrer: Inferrer, health: HealthBoard, models: ModelListing, listing: BoundedPool
    ) -> None:
        self._finder = finder
        self._inferrer = inferrer
        self._health = health
        self._models = models
        self._listing = listing

    def list_routes(self) -> list[Route]:
        """The routes: health is open, the rest is for whoever may predict."""
        return [
            Route("GET", PREFIX, Door.PREDICT, self.show_server, "Open Inference Protocol: name and release", SERVER),
            Route("GET", f"{PREFIX}/health/live", Door.OPEN, self.show_live, "Whether the loops turn", LIVE),
            Route(
                "GET",
                f"{PREFIX}/health/ready",
                Door.OPEN,
                self.show_ready,
                "Whether the http role can do its work",
                READY,
            ),
            Route("GET", _MODEL, Door.PREDICT, self.show_model, "Inputs and outputs of the model", MODEL),
            Route(
                "GET", f"{_MODEL}/ready", Door.PREDICT, self.show_model_ready, "Whether the model answers", MODEL_READY
            ),
            Route("POST", f"{_MODEL}/infer", Door.PREDICT, self.infer, "Score tensors", INFER),
            Route("GET", _VERSION, Door.PREDICT, self.show_model, "Inputs and outputs of a version", VERSION),
            Route(
                "GET",
                f"{_VERSION}/ready",
                Door.PREDICT,
                self.show_model_ready,
                "Whether a version answers",
                VERSION_READY,
            ),
            Route("POST", f"{_VERSION}/infer", Door.PREDICT, self.infer, "Score tensors with a version", INFER_VERSION),
        ]

    async def show_server(self, call: Call) -> Answer:
        """Name, release and extensions."""
        read_query(call.request, ())
        return answer_json(describe_server())

    async def show_live(self, call: Call) -> Answer:
        """Whether every loop turns, whatever is away; 503 when one does not."""
        read_query(call.request, ())
        live = self._health.report().alive
        return answer_json(ServerLive(live), _OK if live else _UNAVAILABLE)

    async def show_ready(self, call: Call) -> Answer:
        """Whether models can be asked, whatever the stream does; 503 when not."""
        read_query(call.request, ())
        ready = self._health.report(Role.HTTP).ready
        return answer_json(ServerReady(ready), _OK if ready else _UNAVAILABLE)

    async def show_model(self, call: Call) -> Answer:
        """What the version is given and gives that would answer this caller.

        Raises:
            UnknownModel, ModelNotFound: there is no such model or version.
        """
        read_query(call.request, ())
        route = await self._find_route(call)
        listed: dict[str, Any] = dict(await self._listing.run(self._models.list_versions))
        numbers = [str(each["version"]) for each in listed["versions"]]
        return answer_json(describe_model(route.choose(find_key(call)), numbers))

    async def show_model_ready(self, call: Call) -> Answer:
        """Whether the version answers; one that was not asked for yet is loaded.

        Raises:
            UnknownModel, ModelNotFound: there is no such model or version.
            NoLiveModel, ModelRejected: it cannot.
        """
        read_query(call.request, ())
        route = await self._find_route(call)
        return answer_json(ModelReady(route.versions[0].name, ready=True))

    async def infer(self, call: Call) -> Answer:
        """Score tensors.

        Raises:
            ServiceError, Refusal: whatever the caller or the service did wrong; see `scoreline.http.errors`.
        """
        read_query(call.request, ())
        body = await self._inferrer.read(call)
        return await self._inferrer.answer(call, await self._find_route(call), body)

    async def _find_route(self, call: Call) -> LiveRoute:
        """What the path names."""
        name, *selectors = call.parameters
        route = await self._finder.find(selectors[0] if selectors else None)
        served = route.versions[0].name
        if name != served:
            raise UnknownModel(f"the model that is served here is {served!r}")
        return route
