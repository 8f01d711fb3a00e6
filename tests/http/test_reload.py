"""`/models/reload`, over a real sidecar."""

from concurrent.futures import Future

from scoreline.http.limits import Limits
from scoreline.models.reloading import ReloadOutcome
from tests.http.sidecars import begin_look, make_look, serve


async def test_the_answer_says_what_came_of_the_look():
    look = make_look(ReloadOutcome.REJECTED, "version 2 is damaged")
    async with serve(reload_models=lambda: begin_look(look)) as running:
        answer = await running.ask("POST", "/models/reload")
        assert answer.status == 200
        assert answer.json == {"outcome": "rejected", "version": 1, "detail": "version 2 is damaged"}
        assert (await running.ask("POST", "/models/reload?now=1")).status == 400


async def test_a_look_that_takes_longer_than_a_request_may_goes_on_without_it():
    begun = Future()
    async with serve(reload_models=lambda: begun, limits=Limits(timeout_seconds=0.05)) as running:
        assert (await running.ask("POST", "/models/reload")).status in (503, 504)
        assert running.pending == 0, "no thread of the sidecar waits for it"
    assert begun.set_running_or_notify_cancel(), "nobody has given it up"


async def test_where_nobody_could_be_asked_for_a_token_there_is_no_such_route():
    async with serve() as running:
        assert (await running.ask("POST", "/models/reload")).status == 405, "a version may be called so"
