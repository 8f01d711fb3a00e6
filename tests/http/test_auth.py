import pytest

from scoreline.config.tokens import Access, Token
from scoreline.errors import ConfigError
from scoreline.http.auth import Door, check_binding
from tests.http.sidecars import PROBLEM_JSON, begin_look, serve

TOKENS = (Token(Access.PREDICT, "predict-me"), Token(Access.ADMIN, "admin-ö"), Token(Access.PREDICT, "second"))


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


# As contract section 5 says, route by route.
DOORS = {
    ("POST", "/predict"): Door.PREDICT,
    ("POST", "/stream/resume"): Door.ADMIN,
    ("GET", "/health"): Door.OPEN,
    ("GET", "/health/live"): Door.OPEN,
    ("GET", "/health/ready"): Door.OPEN,
    ("GET", "/metrics"): Door.OPEN,
    ("GET", "/stats"): Door.PREDICT,
    ("GET", "/models"): Door.PREDICT,
    ("GET", "/models/{version}"): Door.PREDICT,
    ("POST", "/models/reload"): Door.ADMIN,
    ("GET", "/v2"): Door.PREDICT,
    ("GET", "/v2/health/live"): Door.OPEN,
    ("GET", "/v2/health/ready"): Door.OPEN,
    ("GET", "/v2/models/{name}"): Door.PREDICT,
    ("GET", "/v2/models/{name}/ready"): Door.PREDICT,
    ("POST", "/v2/models/{name}/infer"): Door.PREDICT,
    ("GET", "/v2/models/{name}/versions/{version}"): Door.PREDICT,
    ("GET", "/v2/models/{name}/versions/{version}/ready"): Door.PREDICT,
    ("POST", "/v2/models/{name}/versions/{version}/infer"): Door.PREDICT,
}


async def test_every_route_asks_for_what_the_contract_says():
    """From the route table itself, so that no route is forgotten; tried without a token, and with one of each role."""
    async with serve(tokens=TOKENS, resume_stream=lambda: None, reload_models=begin_look) as running:
        assert {(r.method, r.pattern): r.door for r in running.sidecar.routes} == DOORS
        for (method, pattern), door in DOORS.items():
            path = pattern.replace("{version}", "1")
            bare = await running.ask(method, path)
            predict = await running.ask(method, path, headers=bearer("predict-me"))
            admin = await running.ask(method, path, headers=bearer("admin-ö"))
            assert (bare.status == 401) == (door is not Door.OPEN), pattern
            assert (predict.status == 403) == (door is Door.ADMIN), pattern
            assert predict.status != 401, pattern
            assert admin.status not in (401, 403), pattern


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
    ],
)
async def test_anything_but_a_known_token_is_refused(header):
    async with serve(tokens=TOKENS) as running:
        answer = await running.predict([{"a": 1}], headers={"Authorization": header})
        assert (answer.status, answer.headers["Content-Type"]) == (401, PROBLEM_JSON)
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="scoreline"'
        assert b"predict-me" not in answer.body


async def test_the_scheme_may_be_written_in_any_case():
    async with serve(tokens=TOKENS) as running:
        assert (await running.predict([{"a": 1}], headers=bearer("second", "bearer"))).status == 200


async def test_a_refused_body_is_not_taken_for_the_next_request():
    """The connection ends where a body was not read."""
    async with serve(tokens=TOKENS) as running:
        smuggled = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (len(smuggled) + 1)
        answer = await running.say(head + smuggled)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"Connection: close" in answer
        assert [e.route for e in running.events] == ["/predict"]


async def test_a_token_that_opens_less_is_forbidden():
    """The door of an admin route, tried on the doorkeeper because the routes come later."""
    from scoreline.http.auth import Doorkeeper
    from scoreline.http.errors import Forbidden

    keeper = Doorkeeper(TOKENS)
    with pytest.raises(Forbidden, match="role admin"):
        keeper.admit(Door.ADMIN, "Bearer predict-me")
    keeper.admit(Door.ADMIN, "Bearer admin-ö")


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
