"""A page as one answer: its text with its style and its script, which the content security policy names by hashes."""

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources

from scoreline.http.exchange import Answer
from scoreline.http.wire.security_headers import make_page_headers

HTML = "text/html"
HTML_UTF_8 = f"{HTML}; charset=utf-8"

_CONTENT = "<!-- content -->"


class Page:
    """Read once; what stands in it may differ from answer to answer, what may run in it does not.

    Args:
        name: reads `<name>.html`, `.css` and `.js` of this package.
        trusted_types: names of policies by which the script may make markup of text; without any it may make none.
    """

    def __init__(self, name: str, *, trusted_types: Sequence[str] = ()) -> None:
        html, css, js = (
            resources.files(__package__ or __name__).joinpath(f"{name}.{end}").read_text("utf-8")
            for end in ("html", "css", "js")
        )
        text = html.replace("/* style */", css).replace("/* script */", js)
        self._head, _, self._tail = text.partition(_CONTENT)
        self._headers = make_page_headers(
            scripts=[_name_source(js)], styles=[_name_source(css)], trusted_types=trusted_types
        )

    def answer(self, content: str = "") -> Answer:
        """The page with markup where it has a place for it."""
        # What cannot be written in UTF-8 comes from outside, and is no reason to show nothing.
        body = f"{self._head}{content}{self._tail}".encode("utf-8", "replace")
        return Answer(200, body, HTML_UTF_8, self._headers)


def _name_source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
