"""Pages for people, each whole in one answer: nothing is loaded from elsewhere, and nothing else may run in them."""

import base64
import hashlib
from importlib import resources

from scoreline.http.auth import Door
from scoreline.http.exchange import Answer, Call
from scoreline.http.openapi.operations import Content, Operation
from scoreline.http.query import read_query
from scoreline.http.routes import Route
from scoreline.http.wire.security_headers import make_page_headers

HTML = "text/html"

_OPERATION = Operation(
    description="The page itself tells nothing of this service: it asks for a token, and `/openapi.json` with it.",
    answers={200: (Content(HTML),)},
)


def list_pages() -> list[Route]:
    """The routes of pages. They are open: a browser that is to show one has no token yet."""
    page = Page("docs")
    return [Route("GET", "/docs", Door.OPEN, page.show, "This API as a page to try it on, offline", _OPERATION)]


class Page:
    """A page with its style and its script, which the content security policy names by their hashes."""

    def __init__(self, name: str) -> None:
        """Read `<name>.html`, `.css` and `.js` of this package."""
        html, css, js = (
            resources.files(__package__ or __name__).joinpath(f"{name}.{end}").read_text("utf-8")
            for end in ("html", "css", "js")
        )
        body = html.replace("/* style */", css).replace("/* script */", js).encode()
        headers = make_page_headers(scripts=[_name_source(js)], styles=[_name_source(css)])
        self._answer = Answer(200, body, f"{HTML}; charset=utf-8", headers)

    async def show(self, call: Call) -> Answer:
        """The page."""
        read_query(call.request, ())
        return self._answer


def _name_source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
