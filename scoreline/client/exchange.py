"""What the transports take and give: requests, replies, and the steps that a call consists of.

A call is a generator of steps. It does no I/O: whoever runs it sends what it asks to send, pauses as long as it asks
to, and throws `Unreachable` into it where no answer came. So there is one of each call, for callers that block and for
those that await.
"""

from collections.abc import AsyncGenerator, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from scoreline.client.uploads import Upload

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a sidecar.

    Attributes:
        target: path and query, below the prefix of the address.
        headers: names and values as they are sent; never shown, for the token is among them.
        body: at once, or piece by piece; None for none.
        idempotent: whether it may be sent again when nobody knows what became of it.
    """

    method: str
    target: str
    headers: Mapping[str, bytes] = field(repr=False)
    body: bytes | Upload[Any] | None = field(default=None, repr=False)
    idempotent: bool = True

    @property
    def repeatable(self) -> bool:
        """Whether it can be sent, again or for the first time."""
        return self.idempotent and not (isinstance(self.body, Upload) and self.body.spent)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Attributes:
        headers: by their names in lower case.
        body: all of it; empty where it is streamed.
        pieces: of the body that is streamed; it has to be closed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    pieces: Generator[bytes, None, None] | AsyncGenerator[bytes, None] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request, and come back with the reply.

    Attributes:
        timeout_seconds: for all of it; where a body is sent or read piece by piece, how long nothing may move.
        streamed: whether the body of a success is read piece by piece.
    """

    request: Request
    timeout_seconds: float
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Come back after some seconds."""

    seconds: float


Steps: TypeAlias = Generator[Send | Pause, Any, T]
"""A call: yields what is to be done, is sent the `Reply` to each `Send`, and returns its result."""
