"""How much a caller may send and how long it may take: bodies are refused while they arrive."""

import asyncio
from dataclasses import dataclass

from aiohttp import web

from scoreline.errors import MalformedRequest, Overloaded, RequestTooLarge
from scoreline.http.errors import BodyTooSlow, ExpectationFailed
from scoreline.http.inflating import is_compressed, open_body

_BODIES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost.

    Attributes:
        max_concurrency: requests that wait for an answer at once, over all callers.
        timeout_seconds: for a body to arrive, and again for the answer to be ready.
    """

    max_body_bytes: int = 8 * 1024 * 1024
    max_instances: int = 10_000
    max_concurrency: int = 64
    timeout_seconds: float = 5.0


class BodyReader:
    """Reads whole bodies in bounded time, and all of them together in bounded memory."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._budget_bytes = limits.max_body_bytes * _BODIES_AT_ONCE
        self._held_bytes = 0

    async def read(self, request: web.BaseRequest) -> bytes:
        """The body, decompressed.

        Raises:
            RequestTooLarge: more bytes than are allowed, announced or arrived.
            BodyTooSlow: it did not end in time.
            MalformedRequest: it breaks off, or is not in the encoding that it is said to be in.
            Overloaded: the bodies that are arriving now hold all the memory that is meant for them.
        """
        content = request.content
        limit = self._limits.max_body_bytes
        if content.is_eof() and content.exception() is None and not is_compressed(request):
            # The usual case: all of it came with the headers.
            body = content.read_nowait()
            if len(body) > limit:
                raise _too_large(limit)
            return body
        if (request.content_length or 0) > limit:
            raise _too_large(limit)
        await greet(request)
        try:
            async with asyncio.timeout(self._limits.timeout_seconds):
                return await self._collect(request)
        except TimeoutError as error:
            raise BodyTooSlow(f"the body did not end within {self._limits.timeout_seconds:g} s") from error
        except web.RequestPayloadError as error:
            raise MalformedRequest("the body breaks off, or is not in the encoding that it is said to be in") from error

    async def _collect(self, request: web.BaseRequest) -> bytes:
        body, content = bytearray(), open_body(request)
        try:
            while chunk := await content.readany():
                self._held_bytes += len(chunk)
                body += chunk
                if len(body) > self._limits.max_body_bytes:
                    raise _too_large(self._limits.max_body_bytes)
                if self._held_bytes > self._budget_bytes:
                    raise Overloaded("too many large bodies are arriving at once")
        finally:
            self._held_bytes -= len(body)
        return bytes(body)


async def greet(request: web.BaseRequest) -> None:
    """Answer `Expect: 100-continue`, now that it is known that the body is wanted.

    Raises:
        ExpectationFailed: something else is expected.
    """
    expectation = request.headers.get("Expect")
    if expectation is None:
        return
    if expectation.lower() != "100-continue":
        raise ExpectationFailed("the only expectation that is met here is 100-continue")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body is larger than the {limit} bytes that are allowed")
