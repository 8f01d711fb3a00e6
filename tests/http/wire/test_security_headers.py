import pytest

from scoreline.http.wire.security_headers import make_page_headers
from tests.http.sidecars import serve


def test_a_page_may_load_what_it_names_and_nothing_else():
    headers = dict(make_page_headers(scripts=["'self'", "'sha256-AbC='"]))
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["frame-ancestors"] == policy["style-src"] == "'none'"
    assert policy["script-src"] == "'self' 'sha256-AbC='"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "source",
    ["'unsafe-inline'", "'unsafe-eval'", "*", "https://cdn.example", "data:", "'self'; x", "'self'\r\nX: y", "ö"],
)
def test_a_source_that_lets_in_what_was_injected_is_refused(source):
    with pytest.raises(ValueError, match="expected 'self'"):
        make_page_headers(scripts=[source])


ORIGIN = {"Origin": "https://evil.example"}


@pytest.mark.parametrize(("method", "path"), [("GET", "/health"), ("GET", "/metrics"), ("OPTIONS", "/predict")])
async def test_pages_of_other_sites_may_not_read_answers(method, path):
    """There is no header of CORS, and what a browser asks for leave with is refused."""
    async with serve() as running:
        asked = {**ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        answer = await running.ask(method, path, headers=asked)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert answer.status == (405 if method == "OPTIONS" else 200)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
async def test_what_a_page_of_another_site_may_send_unasked_is_refused(kind):
    """A browser asks before it sends JSON, but not before these."""
    async with serve() as running:
        body = b'{"instances": [{"a": 1}]}'
        answer = await running.ask("POST", "/predict", data=body, headers={**ORIGIN, "Content-Type": kind})
        assert answer.status == 415
