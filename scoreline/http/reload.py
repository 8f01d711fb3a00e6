"""`/models/reload`: what an administrator may ask of the versions."""

from scoreline.http.auth import Door
from scoreline.http.exchange import Answer, Call, answer_json
from scoreline.http.pool import BoundedPool
from scoreline.http.query import read_query
from scoreline.http.routes import Route
from scoreline.models.reloading import LookNow


class ReloadRoutes:
    """Looks on a thread, because a version may have to be fetched and probed."""

    def __init__(self, look: LookNow, pool: BoundedPool) -> None:
        self._look = look
        self._pool = pool

    def list_routes(self) -> list[Route]:
        """The routes, for administrators."""
        return [Route("POST", "/models/reload", Door.ADMIN, self.reload, "See now what the alias means")]

    async def reload(self, call: Call) -> Answer:
        """Answered when the version that is meant serves, or when it is known why it does not."""
        read_query(call.request, ())
        look = await self._pool.run(self._look)
        return answer_json({"outcome": look.outcome, "version": look.live.version, "detail": look.detail or None})
