"""What a route is given and what it gives back, as plain values."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

JSON = "application/json"


class Call(NamedTuple):
    """One request on its way through a route.

    Attributes:
        parameters: what stands at each `{…}` of the route's pattern, decoded, in their order.
        started: when it came in, seconds of the sidecar's clock.
    """

    request: web.BaseRequest
    request_id: str
    started: float
    parameters: tuple[str, ...] = ()

    @property
    def parameter(self) -> str:
        """What stands at the only `{…}`, or at the last of them; empty where the pattern has none."""
        return self.parameters[-1] if self.parameters else ""


class Answer(NamedTuple):
    """What goes back to the caller, whole.

    Attributes:
        headers: beyond those that every answer has; values come from this package, never from a caller.
        instances: rows that the request had.
        version: that answered.
        problem: the title of what went wrong, for the log; it never holds what a caller sent.
        closes: whether the connection ends with it.
    """

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    instances: int = 0
    version: int | None = None
    problem: str | None = None
    closes: bool = False


Answerer = Callable[[Call], Awaitable[Answer]]

_encoder = msgspec.json.Encoder()


def answer_json(value: Any, status: int = 200) -> Answer:
    """An answer with a value as its JSON."""
    return Answer(status, _encoder.encode(value))
