"""`/` and `/status`: the status page, and what it refreshes itself with."""

import hashlib
from functools import partial

from scoreline.errors import Overloaded
from scoreline.http.auth import Door
from scoreline.http.errors import DeadlineExceeded
from scoreline.http.exchange import Answer, Call
from scoreline.http.model_answers import ListingAnswer
from scoreline.http.openapi.operations import Content, Location, Operation, Parameter
from scoreline.http.pages.page import HTML, HTML_UTF_8, Page
from scoreline.http.pages.status.listing import RecentListing
from scoreline.http.pages.status.markup import join, note
from scoreline.http.pages.status.picture import StatusSources
from scoreline.http.pages.status.rendering import render, show_headline
from scoreline.http.pool import BoundedPool
from scoreline.http.query import read_query
from scoreline.http.routes import Route
from scoreline.observability.health import HealthBoard, HealthReport
from scoreline.records import Clock

WATCHING_ROUTES = frozenset(
    {
        "/",
        "/status",
        "/docs",
        "/openapi.json",
        "/health",
        "/health/live",
        "/health/ready",
        "/v2/health/live",
        "/v2/health/ready",
        "/metrics",
        "/stats",
        "/drift",
    }
)
"""Routes whose requests are none of the work: the page would show how often it is looked at."""

TRUSTED_TYPES = "scoreline-status"
"""The policy of the page's script, which makes a document of an answer of `/status` and nothing else."""

_MOST_WAITING = 16
_OK, _NOT_MODIFIED = 200, 304

_PAGE = Operation(
    description="Where tokens are configured it holds nothing of this service: it asks for a token, and `/status` with "
    "it. Else it comes with all that `/status` has, and needs no JavaScript.",
    answers={_OK: (Content(HTML),)},
)
_FRAGMENT = Operation(
    description="What is wrong in words, then every section, as HTML to stand in a page.",
    parameters=[
        Parameter("If-None-Match", Location.HEADER, {"type": "string"}, "The ETag of an earlier answer."),
    ],
    answers={_OK: (Content(HTML),), _NOT_MODIFIED: ()},
    problems=[Overloaded, DeadlineExceeded],
)


class StatusRoutes:
    """Takes a picture and renders it for whoever asks, on a thread of its own. `close` it.

    Args:
        asks_token: whether callers have tokens, so that the page itself may show nothing.
        clock: monotonic seconds.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        sources: StatusSources,
        health: HealthBoard,
        *,
        asks_token: bool,
        timeout_seconds: float,
        clock: Clock,
        wall_clock: Clock,
    ) -> None:
        self._sources = sources
        self._health = health
        self._asks_token = asks_token
        self._wall_clock = wall_clock
        self._page = Page("status", trusted_types=[TRUSTED_TYPES])
        self._pool = BoundedPool("status", threads=1, max_pending=_MOST_WAITING, timeout_seconds=timeout_seconds)
        # Of its own: a store that does not answer keeps its thread.
        self._store_pool = BoundedPool("status-models", threads=1, max_pending=1, timeout_seconds=timeout_seconds)
        listing = sources.list_models
        self._listing = None if listing is None else RecentListing(listing, self._store_pool, clock)

    def list_routes(self) -> list[Route]:
        """The routes of every role. The page is open, because a browser that opens it has no token to send."""
        return [
            Route("GET", "/", Door.OPEN, self.show_page, "What is wrong, and how everything stands, as a page", _PAGE),
            Route("GET", "/status", Door.PREDICT, self.show_fragment, "What the page at / shows", _FRAGMENT),
        ]

    async def show_page(self, call: Call) -> Answer:
        """The page, with what it shows where nobody has to present a token."""
        read_query(call.request, ())
        if self._asks_token:
            return self._page.answer(show_headline("This service asks for a token.", "none"))
        try:
            return self._page.answer(await self._render())
        except (Overloaded, DeadlineExceeded) as error:
            # Its script asks again; a person who has come for help would not know what to do with a problem.
            return self._page.answer(join(show_headline("The picture is not ready yet.", "none"), note(str(error))))

    async def show_fragment(self, call: Call) -> Answer:
        """What stands in the page; 304 where the caller has it already.

        Raises:
            Overloaded, DeadlineExceeded: too many ask at once, or this process is too busy.
        """
        read_query(call.request, ())
        body = (await self._render()).encode("utf-8", "replace")
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        status = _NOT_MODIFIED if call.request.headers.get("If-None-Match") == etag else _OK
        return Answer(status, body, HTML_UTF_8, (("ETag", etag),))

    def close(self) -> None:
        """End the threads."""
        self._pool.close()
        self._store_pool.close()

    async def _render(self) -> str:
        models = None if self._listing is None else await self._listing.read()
        return await self._pool.run(partial(self._render_now, self._health.report(), models))

    def _render_now(self, health: HealthReport, models: ListingAnswer | None) -> str:
        return render(self._sources.take_picture(int(self._wall_clock() * 1000), health, models))
