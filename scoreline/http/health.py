"""`/health`, `/health/live`, `/health/ready`: evidence by component, for people and for orchestrators."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from scoreline.config.roles import Role, describe_roles
from scoreline.errors import MalformedRequest
from scoreline.http.auth import Door
from scoreline.http.exchange import Answer, Call, answer_json
from scoreline.http.openapi.operations import Location, Operation, Parameter, as_json
from scoreline.http.query import read_query
from scoreline.http.routes import Route
from scoreline.observability.health import ComponentHealth, HealthBoard

_OK, _UNAVAILABLE = 200, 503

_Status = Literal["ready", "unready", "alive", "stuck"]


class Health(msgspec.Struct, gc=False):
    """What the components say of themselves, and what follows from it."""

    status: _Status
    components: Sequence[ComponentHealth]


_OPERATION = Operation(answers={_OK: as_json(Health), _UNAVAILABLE: as_json(Health)})
_ONE_ROLE = Operation(
    parameters=[
        Parameter(
            "role",
            Location.QUERY,
            {"type": "string", "enum": sorted(Role)},
            "Only what this role needs; one that this process does not play is never ready.",
        )
    ],
    answers=_OPERATION.answers,
)


class HealthRoutes:
    """Reads the board anew for every request."""

    def __init__(self, board: HealthBoard) -> None:
        self._board = board

    def list_routes(self) -> list[Route]:
        """The routes, all of them open."""
        return [
            Route("GET", "/health", Door.OPEN, self.show, "Every component with its state", _OPERATION),
            Route("GET", "/health/live", Door.OPEN, self.show_live, "Whether the loops turn", _OPERATION),
            Route(
                "GET",
                "/health/ready",
                Door.OPEN,
                self.show_ready,
                "Whether a role, or all, can do their work",
                _ONE_ROLE,
            ),
        ]

    async def show(self, call: Call) -> Answer:
        """All components; 503 when one that is needed is not ready."""
        read_query(call.request, ())
        report = self._board.report()
        return _answer(report.components, "ready" if report.ready else "unready", good=report.ready)

    async def show_live(self, call: Call) -> Answer:
        """Whether every loop turns that is needed, whatever is away."""
        read_query(call.request, ())
        report = self._board.report()
        return _answer(report.components, "alive" if report.alive else "stuck", good=report.alive)

    async def show_ready(self, call: Call) -> Answer:
        """Whether one role, or all of them, can do their work; a role that this process does not play never can.

        Raises:
            MalformedRequest: there is no such role at all.
        """
        role = read_query(call.request, ("role",)).get("role")
        if role is not None and role not in set(Role):
            raise MalformedRequest(f"the query parameter 'role' has to be {describe_roles()}")
        report = self._board.report(role)
        ready = report.ready and (role is None or any(c.role == role for c in report.needed))
        return _answer(report.components, "ready" if ready else "unready", good=ready)


def _answer(components: Sequence[ComponentHealth], status: _Status, *, good: bool) -> Answer:
    return answer_json(Health(status, components), _OK if good else _UNAVAILABLE)
