"""How much a caller may send and how long it may take: bodies are refused while they arrive."""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import HttpVersion11, web
from multidict import istr

from scoreline.errors import MalformedRequest, Overloaded, RequestTooLarge
from scoreline.http.errors import BodyTooSlow, ExpectationFailed
from scoreline.http.wire.inflating import is_compressed, open_body

_BODIES_AT_ONCE = 8

_EXPECT = istr("Expect")

_FREE_BYTES = 64 * 1024
"""Of each body, which nobody is refused for: so many of all connections together are not much."""


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
    """Reads whole bodies in bounded time, and all of them together in bounded memory.

    A body counts until its request is answered, because it is held until then. Small ones do not count: whoever sends
    large ones, and slowly, keeps nobody else from being answered.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._budget = _Budget(limits.max_body_bytes * _BODIES_AT_ONCE)

    async def read(self, request: web.BaseRequest) -> bytes:
        """The body, decompressed.

        Raises:
            ExpectationFailed: the caller expects what is not done here.
            RequestTooLarge: more bytes than are allowed, announced or arrived.
            BodyTooSlow: it did not end in time.
            MalformedRequest: it breaks off, or is not in the encoding that it is said to be in.
            Overloaded: the bodies that are not answered yet hold all the memory that is meant for them.
        """
        check_expectation(request)
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
        # aiohttp has a task for each request, which ends with the answer.
        held = _Held(self._budget)
        _find_task().add_done_callback(held.release)
        while chunk := await content.readany():
            body += chunk
            if len(body) > self._limits.max_body_bytes:
                raise _too_large(self._limits.max_body_bytes)
            held.grow(len(body))
        return bytes(body)


class _Budget:
    """What all large bodies together may hold."""

    def __init__(self, budget_bytes: int) -> None:
        self.left_bytes = budget_bytes


class _Held:
    """What one body holds of the budget."""

    def __init__(self, budget: _Budget) -> None:
        self._budget = budget
        self._held_bytes = 0

    def grow(self, size_bytes: int) -> None:
        """Hold what a body of this size needs.

        Raises:
            Overloaded: there is not as much left.
        """
        more = max(0, size_bytes - _FREE_BYTES) - self._held_bytes
        if more > self._budget.left_bytes:
            raise Overloaded("too many large bodies are held at once")
        self._budget.left_bytes -= more
        self._held_bytes += more

    def release(self, _task: object = None) -> None:
        """Give it back."""
        self._budget.left_bytes += self._held_bytes
        self._held_bytes = 0


async def greet(request: web.BaseRequest) -> None:
    """Answer `Expect: 100-continue`, now that it is known that the body is wanted.

    Raises:
        ExpectationFailed: something else is expected.
    """
    if check_expectation(request):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def check_expectation(request: web.BaseRequest) -> bool:
    """Whether a caller waits to be told to send its body; however much of it is there, as it decides nothing else.

    Raises:
        ExpectationFailed: something else is expected.
    """
    expectation = request.headers.get(_EXPECT)
    if expectation is None or request.version < HttpVersion11:
        return False
    if expectation.lower() != "100-continue":
        raise ExpectationFailed("the only expectation that is met here is 100-continue")
    return True


def _find_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a body is read in a task, whose end says that its request is answered")
    return task


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body is larger than the {limit} bytes that are allowed")
