"""The last answer on a connection that has sent what is no HTTP, and what is told of that."""

from typing import Any, Protocol

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from scoreline.errors import MalformedRequest
from scoreline.http.errors import HeadTooLarge, HeadTooSlow, Refusal


class Draining(Protocol):
    """A connection that ends."""

    async def drain_caller(self) -> None:
        """Read and drop what its caller still sends."""
        ...


class PartingResponse(web.StreamResponse):
    """The last answer on a connection whose caller may still be sending."""

    def __init__(self, response: web.StreamResponse, connection: Draining) -> None:
        super().__init__(status=response.status)
        self._response = response
        self._connection = connection
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> Any:
        """Send all of it; raises as `WholeResponse.prepare` does."""
        return await self._response.prepare(request)

    async def write_eof(self, _data: bytes = b"") -> None:
        """Wait until the caller has had the time to read it."""
        await self._connection.drain_caller()


def name_error(error: BaseException, *, most_headers: int) -> Exception:
    """What a caller is told of bytes that aiohttp could not parse."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, LineTooLong):
        return refuse_large("8190 bytes in a line")
    if isinstance(error, BadHttpMessage) and "Too many headers" in error.message:
        return refuse_large(f"{most_headers} headers")
    return MalformedRequest("this is not an HTTP request")


def refuse_slow(seconds: float) -> HeadTooSlow:
    """The error that answers a head that did not end in time."""
    return HeadTooSlow(f"request line and headers did not end within {seconds:g} s")


def refuse_large(allowed: str) -> HeadTooLarge:
    """The error that answers a head that is too large."""
    return HeadTooLarge(f"request line and headers are more than is allowed: {allowed}")
