"""`/models` and `/models/{version}`: what the store has, as far as it concerns the served model."""

from collections.abc import Mapping
from typing import Any, Protocol

from scoreline.http.auth import Door
from scoreline.http.exchange import Answer, Call, answer_json
from scoreline.http.pool import BoundedPool
from scoreline.http.query import read_query
from scoreline.http.routes import Route
from scoreline.http.selectors import check_selector


class ModelListing(Protocol):
    """Tells of the served model's versions as values that JSON can hold; may block, may be called from any thread."""

    def list_versions(self) -> Mapping[str, Any]:
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
            Route("GET", "/models", Door.PREDICT, self.show_all, "Versions and aliases of the served model"),
            Route("GET", "/models/{version}", Door.PREDICT, self.show_one, "One version, by number, alias or latest"),
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
