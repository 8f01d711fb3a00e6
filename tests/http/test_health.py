import pytest

from scoreline.observability.health import ComponentHealth
from tests.http.sidecars import serve


def component(name: str, role: str | None, *, ready: bool = True, alive: bool = True, advisory: bool = False):
    return lambda: ComponentHealth(name, role, ready, alive, f"{name} it is", advisory)


async def test_health_shows_every_component():
    async with serve() as running:
        running.board.add(component("model", None))
        answer = await running.get("/health")
        assert answer.status == 200
        assert answer.json["status"] == "ready"
        assert [c["name"] for c in answer.json["components"]] == ["http", "model"]
        assert answer.json["components"][1] == {
            "name": "model",
            "role": None,
            "ready": True,
            "alive": True,
            "detail": "model it is",
            "advisory": False,
        }


async def test_one_component_that_is_not_ready_makes_all_unready():
    """503 with every component, so that one sees which; the process is alive all the same."""
    async with serve() as running:
        running.board.add(component("stream", "stream", ready=False))
        answer = await running.get("/health")
        assert (answer.status, answer.json["status"]) == (503, "unready")
        assert (await running.get("/health/ready")).status == 503
        assert (await running.get("/health/live")).status == 200


async def test_a_loop_that_does_not_turn_is_not_alive():
    async with serve() as running:
        running.board.add(component("stream", "stream", ready=False, alive=False))
        answer = await running.get("/health/live")
        assert (answer.status, answer.json["status"]) == (503, "stuck")


async def test_one_that_only_watches_is_shown_as_failing_while_all_is_ready_and_alive():
    async with serve() as running:
        running.board.add(component("labels", "stream", ready=False, alive=False, advisory=True))
        for path in ("/health", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"):
            assert (await running.get(path)).status == 200, path
        shown = (await running.get("/health")).json["components"][1]
        assert (shown["name"], shown["ready"], shown["alive"], shown["advisory"]) == ("labels", False, False, True)
        assert (await running.get("/health/ready?role=stream")).status == 503, "the role is not played here"


async def test_a_role_is_ready_by_its_own_components():
    async with serve() as running:
        running.board.add(component("stream", "stream", ready=False))
        assert (await running.get("/health/ready?role=http")).status == 200
        assert (await running.get("/health/ready?role=stream")).status == 503


async def test_a_role_that_is_not_played_here_is_never_ready():
    """Nothing is ready because nobody has complained."""
    async with serve() as running:
        running.board.add(component("model", None))
        answer = await running.get("/health/ready?role=jobs")
        assert (answer.status, answer.json["status"]) == (503, "unready")


@pytest.mark.parametrize("path", ["/health/ready?role=cook", "/health/ready?roel=http", "/health?role=http"])
async def test_a_question_that_is_not_understood_is_refused(path):
    async with serve() as running:
        assert (await running.get(path)).status == 400


async def test_only_roles_of_this_version_are_offered():
    async with serve() as running:
        answer = await running.get("/health/ready?role=cook")
        assert answer.json["detail"] == "the query parameter 'role' has to be http, jobs or stream"


async def test_a_stopping_sidecar_is_not_ready():
    async with serve() as running:
        assert running.server.check().ready
        await running.server.stop(1)
        check = running.server.check()
        assert (check.role, check.ready, check.alive) == ("http", False, True)
