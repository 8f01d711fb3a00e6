import base64
import hashlib
import re

import pytest

from scoreline.config.tokens import Access, Token
from tests.http.sidecars import serve

TOKENS = [Token(Access.PREDICT, "predict-me")]


async def get_page(path="/docs"):
    async with serve(tokens=TOKENS) as running:
        return await running.get(path)


async def test_the_page_is_open_and_tells_nothing_of_the_service():
    answer = await get_page()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"model" not in answer.body.split(b"<script>")[0]
    assert b"/predict" not in answer.body


async def test_only_the_script_and_the_style_of_the_page_may_run():
    """Their hashes are those of what stands between the tags, and nothing is allowed that a hash does not name."""
    answer = await get_page()
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>".encode(), answer.body, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        assert len(text) > 1000
        assert policy.pop(directive) == f"'sha256-{digest}'"
    assert "unsafe" not in str(policy)
    assert {policy[name] for name in ("default-src", "base-uri", "form-action", "frame-ancestors")} == {"'none'"}
    assert policy["connect-src"] == policy["require-trusted-types-for"].replace("script", "self") == "'self'"
    assert policy["img-src"] == "data:"


async def test_the_page_works_offline():
    """Nothing in it is loaded, styled or run by what the policy would block."""
    text = (await get_page()).body.decode()
    assert not re.search(r"https?://|//\w+\.\w", text)
    assert not re.search(r"<[^>]+\s(src|style|on\w+)\s*=", text)
    assert re.findall(r'<link [^>]*href="([^"]*)"', text) == ["data:,"]
    assert "innerHTML" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
        ("Cache-Control", "no-store"),
    ],
)
async def test_the_page_is_sent_with_headers_that_keep_others_out(name, value):
    assert (await get_page()).headers[name] == value


async def test_a_query_is_refused():
    assert (await get_page("/docs?theme=dark")).status == 400
