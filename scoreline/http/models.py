"""`/models` and `/models/{version}`: what the store has, as far as it concerns the served model."""

from collections.abc import Mapping
from typing import Any, Protocol

from scoreline.errors import ModelNotFound, Overloaded, Refused, Unavailable
from scoreline.http.auth import Door
from scoreline.http.errors import DeadlineExceeded
from scoreline.http.exchange import Answer, Call, answer_json
from scoreline.http.model_answers import AliasAnswer, ListingAnswer
from scoreline.http.openapi.operations import Location, Operation, Parameter, as_json
from scoreline.http.pool import BoundedPool
from scoreline.http.query import read_query
from scoreline.http.routes import Route
from scoreline.http.selectors import SELECTOR, check_selector
from scoreline.models.manifest import Manifest

_AWAY = (Overloaded, DeadlineExceeded, Unavailable, Refused)
_ALL = Operation(answers={200: as_json(ListingAnswer)}, problems=_AWAY)
_ONE = Operation(
    description="Of an alias that several versions answer it says which they are.",
    parameters=[
        Parameter(
            "version",
            Location.PATH,
            SELECTOR,
            "A version number, an alias, or latest (the highest number).",
            required=True,
        )
    ],
    answers={200: as_json(Manifest, AliasAnswer)},
    problems=[ModelNotFound, *_AWAY],
)


class ModelListing(Protocol):
    """Tells of the served model's versions as values that JSON can hold; may block, may be called from any thread."""

    def list_versions(self) -> ListingAnswer:
        """All versions and aliases.

        Raises:
            Unavailable: the store is away.
        """
        ...

    def show_version(self, selector: str) -> Mapping[str, Any]:
        """One version: its manifest without what is only for machines.

        Raises:
            ModelNotFound: no such version or alias.
            Unavailable: the store is away.
        """
        ...


class ModelRoutes:
    """Asks the listing on a thread, because a store may be slow."""

    def __init__(self, listing: ModelListing, pool: BoundedPool) -> None:
        self._listing = listing
        self._pool = pool

    def list_routes(self) -> list[Route]:
        """The routes, for whoever may predict."""
        return [
            Route("GET", "/models", Door.PREDICT, self.show_all, "Versions and aliases of the served model", _ALL),
            Route(
                "GET", "/models/{version}", Door.PREDICT, self.show_one, "One version, by number, alias or latest", _ONE
            ),
        ]

    async def show_all(self, call: Call) -> Answer:
        """All versions."""
        read_query(call.request, ())
        return answer_json(await self._pool.run(self._listing.list_versions))

    async def show_one(self, call: Call) -> Answer:
        """One version.

        Raises:
            ModelNotFound: no such version or alias.
        """
        read_query(call.request, ())
        selector = check_selector(call.parameter)
        return answer_json(await self._pool.run(lambda: self._listing.show_version(selector)))
