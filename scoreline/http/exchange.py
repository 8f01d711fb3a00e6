"""What a route is given and what it gives back, as plain values."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

import msgspec
from aiohttp import web

from scoreline.observability.traces.context import TraceContext, read_context
from scoreline.observability.traces.ports import RequestTrace

JSON = "application/json"


class Call(NamedTuple):
    """One request on its way through a route.

    Attributes:
        parameters: what stands at each `{…}` of the route's pattern, decoded, in their order.
        started: when it came in, seconds of the sidecar's clock.
        trace: its span; None in a process that makes none.
    """

    request: web.BaseRequest
    request_id: str
    started: float
    parameters: tuple[str, ...] = ()
    trace: RequestTrace | None = None

    def find_context(self) -> TraceContext | None:
        """Where it stands in a trace, for what is done and logged about it; None where it belongs to none."""
        return read_context(self.request.headers) if self.trace is None else self.trace.context

    @property
    def parameter(self) -> str:
        """What stands at the only `{…}`, or at the last of them; empty where the pattern has none."""
        return self.parameters[-1] if self.parameters else ""


class Pieces(Protocol):
    """A body that is made while it is sent."""

    async def take(self) -> bytes | None:
        """The next bytes, asked for when the caller has taken those before; None at the end.

        Whatever it raises cuts the answer off.
        """
        ...

    async def close(self) -> None:
        """Give back what was held; called once, however the answer ends."""
        ...


class Answer(NamedTuple):
    """What goes back to the caller, whole, or in pieces.

    Attributes:
        headers: beyond those that every answer has; values come from this package, never from a caller.
        instances: rows that the request had.
        version: that answered.
        problem: the title of what went wrong, for the log; it never holds what a caller sent.
        closes: whether the connection ends with it.
        pieces: instead of `body`, for what is too long to be held.
    """

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    instances: int = 0
    version: int | None = None
    problem: str | None = None
    closes: bool = False
    pieces: Pieces | None = None


Answerer = Callable[[Call], Awaitable[Answer]]

_encoder = msgspec.json.Encoder()


def answer_json(value: Any, status: int = 200) -> Answer:
    """An answer with a value as its JSON."""
    return Answer(status, _encoder.encode(value))
