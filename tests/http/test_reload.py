"""`/models/reload`, over a real sidecar."""

from scoreline.models.reloading import ReloadOutcome
from tests.http.sidecars import make_look, serve


async def test_the_answer_says_what_came_of_the_look():
    look = make_look(ReloadOutcome.REJECTED, "version 2 is damaged")
    async with serve(reload_models=lambda: look) as running:
        answer = await running.ask("POST", "/models/reload")
        assert answer.status == 200
        assert answer.json == {"outcome": "rejected", "version": 1, "detail": "version 2 is damaged"}
        assert (await running.ask("POST", "/models/reload?now=1")).status == 400


async def test_where_nobody_could_be_asked_for_a_token_there_is_no_such_route():
    async with serve() as running:
        assert (await running.ask("POST", "/models/reload")).status == 405, "a version may be called so"
