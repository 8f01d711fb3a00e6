import pytest
from yarl import URL

from tests.http.sidecars import serve


async def test_versions_are_listed():
    async with serve() as running:
        assert (await running.get("/models")).json == {"model": "model", "versions": [{"version": 1}]}


async def test_one_version_is_shown():
    async with serve() as running:
        assert (await running.get("/models/1")).json == {"version": 1, "selector": "1"}


@pytest.mark.parametrize("selector", ["2", "nobody", "..", "%2e%2e", "1%2F2", "%00", "a" * 1000])
async def test_an_unknown_version_is_not_found(selector):
    """And the answer does not say where it was looked for."""
    async with serve() as running:
        as_it_is = URL(f"{running.server.url}/models/{selector}", encoded=True)  # a client makes / of .. by itself
        async with running.session.get(as_it_is) as answer:
            assert answer.status == 404
            assert b"secret-store" not in await answer.read()


async def test_a_query_is_refused():
    async with serve() as running:
        assert (await running.get("/models?limit=3")).status == 400
        assert (await running.get("/models/1?full=true")).status == 400
