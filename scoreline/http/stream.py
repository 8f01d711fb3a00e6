"""`/stream/resume`: what an operator may ask of the stream role."""

from collections.abc import Callable

import msgspec

from scoreline.http.auth import Door
from scoreline.http.exchange import Answer, Call, answer_json
from scoreline.http.openapi.operations import Operation, as_json
from scoreline.http.query import read_query
from scoreline.http.routes import Route


class Resumed(msgspec.Struct):
    """That the stream will let one window of records pass."""

    resumed: bool


_OPERATION = Operation(answers={200: as_json(Resumed)})


class StreamRoutes:
    """Passes requests on to the stream; no answer waits for it."""

    def __init__(self, resume: Callable[[], None]) -> None:
        self._resume = resume

    def list_routes(self) -> list[Route]:
        """The routes, for administrators."""
        summary = "Let one window of records pass the breaker"
        return [Route("POST", "/stream/resume", Door.ADMIN, self.resume, summary, _OPERATION)]

    async def resume(self, call: Call) -> Answer:
        """Publish the next window of records, however many of them are dead letters."""
        read_query(call.request, ())
        self._resume()
        return answer_json(Resumed(resumed=True))
