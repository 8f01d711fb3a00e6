"""`/docs`: the API as a page to try it on."""

from scoreline.http.auth import Door
from scoreline.http.exchange import Answer, Call
from scoreline.http.openapi.operations import Content, Operation
from scoreline.http.pages.page import HTML, Page
from scoreline.http.query import read_query
from scoreline.http.routes import Route

_OPERATION = Operation(
    description="The page itself tells nothing of this service: it asks for a token, and `/openapi.json` with it.",
    answers={200: (Content(HTML),)},
)


class DocsRoutes:
    """Answers with the same page whoever asks."""

    def __init__(self) -> None:
        self._answer = Page("docs").answer()

    def list_routes(self) -> list[Route]:
        """The route. It is open: a browser that is to show the page has no token yet."""
        return [Route("GET", "/docs", Door.OPEN, self.show, "This API as a page to try it on, offline", _OPERATION)]

    async def show(self, call: Call) -> Answer:
        """The page."""
        read_query(call.request, ())
        return self._answer
