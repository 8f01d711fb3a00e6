import hmac
import re

import pytest
from multidict import CIMultiDict

from scoreline.config.tokens import Access, Token
from scoreline.errors import ConfigError
from scoreline.http import auth
from scoreline.http.auth import Door, Doorkeeper, check_binding
from scoreline.http.errors import Forbidden, Unauthenticated
from tests.http.batch.batch_sidecars import serve_batch
from tests.http.sidecars import PROBLEM_JSON, begin_look, serve

TOKENS = (Token(Access.PREDICT, "predict-me"), Token(Access.ADMIN, "admin-ö"), Token(Access.PREDICT, "second"))


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


OPEN = re.compile(r"/health(/.*)?|/v2/health/.*|/metrics|/docs|/")
PREDICT = re.compile(r"/predict|/batch(/.*)?|/v2(/.*)?|/drift|/stats|/status|/openapi\.json")
LISTED = re.compile(r"/models(/.*)?")


def find_door(method: str, pattern: str) -> Door:
    """What the contract asks at a route: health, metrics and the page are open, what predicts or tells is not."""
    if OPEN.fullmatch(pattern):
        return Door.OPEN
    told = method == "GET" and LISTED.fullmatch(pattern)
    return Door.PREDICT if told or PREDICT.fullmatch(pattern) else Door.ADMIN


async def test_every_route_asks_for_what_the_contract_says():
    """From the route table itself, so that no route is forgotten; tried without a token, and with one of each role."""
    async with serve_batch(tokens=TOKENS, resume_stream=lambda: None, reload_models=begin_look) as batch:
        running = batch.running
        routes = running.sidecar.routes
        assert {Door.OPEN, Door.PREDICT, Door.ADMIN} == {route.door for route in routes}
        for route in routes:
            door = find_door(route.method, route.pattern)
            path = re.sub(r"{\w+}", "1", route.pattern)
            for method in (route.method, "HEAD") if route.method == "GET" else (route.method,):
                asked = [{}, bearer("nobody"), bearer("predict-me"), bearer("admin-ö")]
                statuses = [(await running.ask(method, path, headers=headers)).status for headers in asked]
                bare, unknown, predict, admin = statuses
                assert (bare == 401) == (unknown == 401) == (door is not Door.OPEN), (method, path)
                assert (predict == 403) == (door is Door.ADMIN), (method, path)
                assert predict != 401, (method, path)
                assert admin not in (401, 403), (method, path)
                assert 500 not in statuses, (method, path)


async def test_metrics_may_be_closed():
    async with serve(tokens=TOKENS, metrics_need_token=True) as running:
        assert (await running.get("/metrics")).status == 401
        assert (await running.get("/metrics", headers=bearer("second"))).status == 200
        assert (await running.get("/health")).status == 200


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer nobody",
        "Basic predict-me",
        "predict-me",
        "Bearer predict-me-",
        "Bearer predict-m",
        "Bearer predict-me, predict-me",
        "Bearer predict-me second",
        "Bearer\tpredict-me",
        "Bearer Bearer predict-me",
        "Bearer " + "x" * 8000,
        "Bearer \udcff\udc80",
        "Bearer predict-mé",
        "Bearer admin-o",
        "Bearer PREDICT-ME",
    ],
)
async def test_anything_but_a_known_token_is_refused(header):
    async with serve(tokens=TOKENS) as running:
        sent = header.encode("utf-8", "surrogateescape")
        answer = await running.say(b"GET /models HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n" % sent)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert PROBLEM_JSON.encode() in answer
        assert b'WWW-Authenticate: Bearer realm="scoreline"' in answer
        assert b"predict-me" not in answer


@pytest.mark.parametrize("second", [b"predict-me", b"nobody"])
async def test_a_header_that_is_sent_twice_is_refused(second):
    """What stands before this server may have looked at the other one."""
    async with serve(tokens=TOKENS) as running:
        header = b"Authorization: Bearer %s\r\n"
        ask = b"GET /models HTTP/1.1\r\nHost: x\r\n" + header % b"predict-me" + header % second + b"\r\n"
        assert (await running.say(ask)).startswith(b"HTTP/1.1 401 ")


def test_every_known_token_is_compared_whatever_is_presented(monkeypatch):
    """In constant time, and all of them: neither the place of a token nor a common beginning can be measured."""
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(auth, "compare_digest", compare)
    keeper = Doorkeeper(TOKENS)
    for token in ("predict-me", "second", "admin-ö"):
        keeper.admit(Door.PREDICT, CIMultiDict(bearer(token)))
    for token in ("", "predict-m", "x" * 5000):
        with pytest.raises(Unauthenticated):
            keeper.admit(Door.PREDICT, CIMultiDict(bearer(token)))
    assert compared == [(32, 32)] * 6 * len(TOKENS)


async def test_the_scheme_may_be_written_in_any_case():
    async with serve(tokens=TOKENS) as running:
        assert (await running.predict([{"a": 1}], headers=bearer("second", "bearer"))).status == 200


@pytest.mark.slow
async def test_a_refused_body_is_not_taken_for_the_next_request():
    """The connection ends where a body was not read."""
    async with serve(tokens=TOKENS) as running:
        smuggled = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (len(smuggled) + 1)
        answer = await running.say(head + smuggled)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"Connection: close" in answer
        assert [e.route for e in running.events] == ["/predict"]


def test_a_token_that_opens_less_is_forbidden():
    keeper = Doorkeeper(TOKENS)
    with pytest.raises(Forbidden, match="role admin"):
        keeper.admit(Door.ADMIN, CIMultiDict(bearer("predict-me")))
    keeper.admit(Door.ADMIN, CIMultiDict(bearer("admin-ö")))


async def test_without_tokens_nothing_is_asked():
    async with serve() as running:
        assert (await running.predict([{"a": 1}])).status == 200
        assert (await running.get("/stats")).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_needs_no_token(host):
    check_binding(host, (), open_on_purpose=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "example.org", ""])  # noqa: S104 - refused here
def test_what_others_can_reach_needs_a_token_or_a_clear_word(host):
    with pytest.raises(ConfigError, match="HTTP_AUTH=none"):
        check_binding(host, (), open_on_purpose=False)
    check_binding(host, TOKENS, open_on_purpose=False)
    check_binding(host, (), open_on_purpose=True)
