"""Both clients against the real sidecar."""

import asyncio

import pytest

from scoreline.client import AsyncClient, Client, RowError
from scoreline.client.errors import Denied, InvalidRows, NotFound, Unserved
from scoreline.config.tokens import parse_tokens
from scoreline.observability.health import ComponentHealth
from scoreline.testing.fakes import FixedVersions
from tests.http.sidecars import begin_look, make_model, serve


@pytest.fixture(params=["sync", "async"])
def ask(request):
    """Calls a client of each flavour beside the sidecar's loop."""

    async def ask(url, call, *arguments, client=None, **options):
        if request.param == "sync":

            def block():
                with Client(url, **client or {}) as made:
                    return getattr(made, call)(*arguments, **options)

            return await asyncio.to_thread(block)
        async with AsyncClient(url, **client or {}) as made:
            return await getattr(made, call)(*arguments, **options)

    return ask


async def test_predictions_are_the_models(ask):
    async with serve() as running:
        found = await ask(running.server.url, "predict", [{"a": 1, "b": 2}, {"a": None, "b": 1}])

        assert found.predictions == (21.0, 10.0)
        assert (found.model, found.version) == ("model", 1)
        assert found.request_id
        assert running.events[-1].status == 200


async def test_classes_and_explanations_come_along(ask):
    async with serve({1: make_model(1.0, 10.0, classes=("early", "late"))}) as running:
        found = await ask(running.server.url, "predict", [{"a": 1, "b": 2}])

    assert found.labels == ("late",)
    assert len(found.scores[0]) == 2


async def test_what_is_wrong_with_rows_is_told(ask):
    async with serve() as running:
        with pytest.raises(InvalidRows) as caught:
            await ask(running.server.url, "predict", [{"a": 1, "b": 2}, {"a": "x", "b": 2}])
        (error,) = caught.value.errors
        assert error == RowError(1, error.detail, "a")
        assert caught.value.type == "urn:scoreline:problem:invalid-instances"

        with pytest.raises(InvalidRows, match="cannot be scored"):
            await ask(running.server.url, "predict", [{"a": 1, "b": 2, "c": 1}])
        found = await ask(running.server.url, "predict", [{"a": 1, "b": 2, "c": 3}], ignore_unknown=True)
        assert found.predictions == (21.0,)


async def test_versions_are_chosen_and_missed(ask):
    async with serve({1: make_model(1.0), 2: make_model(2.0)}) as running:
        assert (await ask(running.server.url, "predict", [{"a": 1}], version=2)).predictions == (2.0,)
        with pytest.raises(NotFound):
            await ask(running.server.url, "predict", [{"a": 1}], version=7)


async def test_a_token_opens_what_it_opens(ask):
    tokens = parse_tokens("predict:p,admin:a")
    async with serve(tokens=tokens, resume_stream=lambda: None) as running:
        url = running.server.url
        for token in (None, "unknown"):
            with pytest.raises(Denied):
                await ask(url, "predict", [{"a": 1, "b": 1}], client={"token": token})
        assert (await ask(url, "predict", [{"a": 1, "b": 1}], client={"token": "p"})).version == 1
        with pytest.raises(Denied, match="admin"):
            await ask(url, "resume_stream", client={"token": "p"})
        assert await ask(url, "resume_stream", client={"token": "a"}) is None


async def test_health_and_models_are_told(ask):
    async with serve() as running:
        health = await ask(running.server.url, "health")
        models = await ask(running.server.url, "models")

    assert (health.ready, health.status) == (True, "ready")
    assert {component["name"] for component in health.components} == {"http"}
    assert (models.model, models.versions) == ("model", (1,))


async def test_that_a_process_is_not_ready_is_an_answer(ask):
    async with serve() as running:
        running.board.add(lambda: ComponentHealth("kafka", "stream", ready=False, alive=True, detail="away"))
        health = await ask(running.server.url, "health")

    assert (health.ready, health.status) == (False, "unready")


async def test_a_reload_is_told(ask):
    async with serve(reload_models=begin_look) as running:
        assert (await ask(running.server.url, "reload_models"))["outcome"] == "unchanged"


async def test_a_route_that_is_not_there_is_told_as_such(ask):
    async with serve(serving=False) as running:
        with pytest.raises(NotFound):
            await ask(running.server.url, "predict", [{"a": 1}])


async def test_an_alias_without_a_version_is_not_tried_again(ask):
    """It may take somebody days to publish one."""
    versions = FixedVersions({1: make_model(1.0)})
    del versions.aliases["production"]
    async with serve(versions) as running:
        with pytest.raises(Unserved) as caught:
            await ask(running.server.url, "predict", [{"a": 1}])
        assert len(running.events) == 1
    assert caught.value.type == "urn:scoreline:problem:no-live-model"
