import re
from dataclasses import replace

import pytest

from scoreline.config.tokens import Access, Token
from tests.http.pages.pictures import make_picture, make_rich_picture
from tests.http.pages.stages import serve_picture
from tests.http.sidecars import serve

TOKENS = [Token(Access.PREDICT, "predict-me"), Token(Access.ADMIN, "admin-me")]


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def test_without_tokens_the_page_comes_with_all_that_it_shows():
    async with serve_picture(make_rich_picture()) as (_, running):
        page, fragment = await running.get("/"), await running.get("/status")
    assert page.headers["Content-Type"] == fragment.headers["Content-Type"] == "text/html; charset=utf-8"
    assert fragment.body in page.body
    assert b"Kafka is not ready" in fragment.body
    assert b"<script" not in fragment.body


async def test_with_tokens_the_page_holds_nothing_of_the_service():
    async with serve_picture(make_rich_picture(), tokens=TOKENS) as (stage, running):
        told = await running.get("/")
        stage.picture = make_picture()
        assert (await running.get("/")).body == told.body
        assert (await running.get("/", headers=bearer("predict-me"))).body == told.body
    assert b"This service asks for a token." in told.body
    assert not re.search(rb"kafka|flights|delays|temp\b", told.body)


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("nobody", 401), ("predict-me", 200), ("admin-me", 200)])
async def test_what_it_shows_takes_a_token(token, status):
    async with serve_picture(make_picture(), tokens=TOKENS) as (_, running):
        answer = await running.get("/status", headers={} if token is None else bearer(token))
    assert answer.status == status
    assert (b"flights" in answer.body) == (status == 200)


async def test_only_the_script_and_the_style_of_the_page_may_run_and_only_its_policy_may_make_markup():
    async with serve_picture(make_rich_picture()) as (_, running):
        answer = await running.get("/")
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["script-src"].startswith("'sha256-")
    assert policy["style-src"].startswith("'sha256-")
    assert policy["trusted-types"] == "scoreline-status"
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["connect-src"] == "'self'"
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    text = answer.body.decode()
    assert not re.search(r"<[^>]+\s(src|style|on\w+)\s*=", text)
    assert "innerHTML" not in text


async def test_who_has_it_already_is_told_so_without_it():
    async with serve_picture(make_picture()) as (stage, running):
        first = await running.get("/status")
        etag = {"If-None-Match": first.headers["ETag"]}
        same = await running.get("/status", headers=etag)
        stage.picture = make_rich_picture()
        other = await running.get("/status", headers=etag)
    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert same.headers["Content-Length"] == str(len(first.body))
    assert other.status == 200
    assert other.headers["ETag"] != first.headers["ETag"]


async def test_a_connection_goes_on_after_an_answer_without_a_body():
    async with serve_picture(make_picture()) as (_, running):
        etag = {"If-None-Match": (await running.get("/status")).headers["ETag"]}
        statuses = [(await running.get("/status", headers=etag)).status for _ in range(3)]
        assert (statuses, running.connections) == ([304, 304, 304], 1)


@pytest.mark.parametrize("path", ["/", "/status"])
async def test_its_length_can_be_asked_for(path):
    async with serve_picture(make_picture()) as (_, running):
        whole, head = await running.get(path), await running.ask("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.body))


@pytest.mark.parametrize("path", ["/", "/status"])
async def test_a_query_is_refused(path):
    async with serve() as running:
        assert (await running.get(f"{path}?theme=dark")).status == 400


async def test_a_process_without_the_http_role_has_the_page_too():
    async with serve(serving=False) as running:
        assert (await running.get("/")).status == 200
        assert b"no role that scores" in (await running.get("/status")).body


async def test_what_anybody_could_read_is_kept_back():
    picture = replace(make_picture(), withheld=True, models=None, drift=None, quality=None, letters=None, jobs=None)
    async with serve_picture(picture) as (_, running):
        assert (await running.get("/")).body.count(b"Kept back") == 5


async def test_a_source_that_fails_is_a_fault_of_the_service_that_tells_nothing():
    async with serve_picture(make_picture()) as (stage, running):
        stage.picture = None
        running.board._checks.clear()
        answer = await running.get("/status")
    assert answer.status == 500
    assert b"NoneType" not in answer.body
