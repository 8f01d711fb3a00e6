"""`/models/reload`: what an administrator may ask of the versions."""

import asyncio

import msgspec

from scoreline.http.auth import Door
from scoreline.http.errors import DeadlineExceeded
from scoreline.http.exchange import Answer, Call, answer_json
from scoreline.http.openapi.operations import Operation, as_json
from scoreline.http.query import read_query
from scoreline.http.routes import Route
from scoreline.models.reloading import LookNow, ReloadOutcome


class LookReport(msgspec.Struct, kw_only=True):
    """What came of a look at the alias, which version or versions answer now, and why it is not what it means."""

    outcome: ReloadOutcome
    version: int | msgspec.UnsetType = msgspec.UNSET
    versions: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    detail: str | None


_OPERATION = Operation(answers={200: as_json(LookReport)}, problems=[DeadlineExceeded])


class ReloadRoutes:
    """Passes the request on, and tells what came of it."""

    def __init__(self, look: LookNow, timeout_seconds: float) -> None:
        self._look = look
        self._timeout_seconds = timeout_seconds

    def list_routes(self) -> list[Route]:
        """The routes, for administrators."""
        return [Route("POST", "/models/reload", Door.ADMIN, self.reload, "See now what the alias means", _OPERATION)]

    async def reload(self, call: Call) -> Answer:
        """What came of the look; one that takes longer than a request may goes on without it.

        Raises:
            DeadlineExceeded: it takes longer.
        """
        read_query(call.request, ())
        try:
            async with asyncio.timeout(self._timeout_seconds):
                look = await asyncio.shield(asyncio.wrap_future(self._look()))
        except TimeoutError as error:
            late = (
                f"the look takes longer than {self._timeout_seconds:g} s and goes on; /models will say what came of it"
            )
            raise DeadlineExceeded(late) from error
        only = look.live.only
        return answer_json(
            LookReport(
                outcome=look.outcome,
                version=msgspec.UNSET if only is None else only.version,
                versions=look.live.numbers if only is None else msgspec.UNSET,
                detail=look.detail or None,
            )
        )
