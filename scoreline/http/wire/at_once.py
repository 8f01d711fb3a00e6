"""The short way of a request that is here whole and answered without waiting: no task, no future, one write.

aiohttp wakes the connection's task for a request, and has that make another task, which the loop gets to later; both
cost about as much as validating a row and writing its answer. What is answered while its bytes are taken needs neither.
Everything else goes aiohttp's way, and it learns nothing of what did not. This stands on names that aiohttp keeps to
itself: where one of them is gone, everything goes its way.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpRequestParser, RawRequestMessage

from scoreline.http.exchange import Answer, Call
from scoreline.http.wire.framing import count_behind, may_end_elsewhere

AT_ONCE_BYTES = 16 * 1024
"""Larger bodies are not looked at here."""

AnswererAtOnce = Callable[[Call, bytes], Answer | None]
"""Answers a call with its body, or leaves it to who may wait; raises as an `Answerer` does."""

HANDLER_NAMES = (
    "_keepalive_handle",
    "_keepalive_timeout",
    "_loop",
    "_manager",
    "_messages",
    "_next_keepalive_close_time",
    "_parser",
    "_waiter",
)
PARSER_NAMES = ("message_consumed",)
"""What the short way needs of aiohttp's protocol, and of its parser."""


def find_missing(handler: type = web.RequestHandler, parser: type = HttpRequestParser) -> list[str]:
    """The names that the short way needs and that this release of aiohttp does not have."""
    missing = [name for name in HANDLER_NAMES if not hasattr(handler, name)]
    return missing + [name for name in PARSER_NAMES if not hasattr(parser, name)]


class AtOnce(NamedTuple):
    """How requests of one route are answered at once.

    Attributes:
        admits: whether bytes, in which a whole body is, may be answered so; before anything is made of them.
        answer: gives the answer with its head, after which the connection stays; None where that takes waiting.
    """

    admits: Callable[[bytes], bool]
    answer: Callable[[web.BaseRequest, bytes], bytes | None]


class Answering(Protocol):
    """Who answers; the sidecar."""

    def find_at_once(self, method: str, target: str) -> AtOnce | None:
        """What may answer requests of this method for this target, which has its query with it; None for the most."""
        ...


class AtOnceHandler(web.RequestHandler):
    """aiohttp's protocol with the short way."""

    __slots__ = ()

    def take(self, data: bytes, answering: Answering | None) -> int | None:
        """Take bytes that have come.

        Args:
            answering: None has everything go aiohttp's way.

        Returns:
            How many bytes stand behind a request that is answered already; None if none is.
        """
        waiter = self._waiter
        # Nothing would end an idle connection without its timer, which only aiohttp's own answers set up again.
        if answering is None or waiter is None or waiter.done() or self._keepalive_handle is None:
            super().data_received(data)
            return None
        self._waiter = None  # so that aiohttp wakes nobody yet
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        if not self._messages:
            return None
        if len(self._messages) == 1:
            message, payload = self._messages[0]
            if isinstance(message, RawRequestMessage) and self._answer(message, payload, data, answering):
                return count_behind(data, 0 if message.chunked else payload.total_bytes)
        if not waiter.done():
            waiter.set_result(None)
        return None

    def _answer(self, message: RawRequestMessage, payload: StreamReader, data: bytes, answering: Answering) -> bool:
        """Answer the request that waits, and take it away; or leave it as it is."""
        if message.should_close or message.compression is not None or may_end_elsewhere(message):
            return False
        if not payload.is_eof() or payload.exception() is not None or payload.total_bytes > AT_ONCE_BYTES:
            return False
        transport, manager, parser = self.transport, self._manager, self._parser
        if transport is None or manager is None or parser is None or self.writing_paused:
            return False
        at_once = answering.find_at_once(message.method, message.path)
        if at_once is None or not at_once.admits(data):
            return False
        request = web.BaseRequest(message, payload, self, _NO_WRITER, _NO_TASK, self._loop)
        body = payload.read_nowait()
        answer = at_once.answer(request, body)
        if answer is None:
            self._messages[0] = message, self._put_back(body)
            return False
        self._messages.popleft()
        parser.message_consumed()
        manager.requests_count += 1
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        transport.write(answer)
        return True

    def _put_back(self, body: bytes) -> StreamReader:
        payload = StreamReader(self, max(1, len(body)), loop=self._loop)
        payload.feed_data(body)
        payload.feed_eof()
        return payload


# What a request would need to be answered in parts, or given up: neither happens to one that is answered at once.
_NO_WRITER: AbstractStreamWriter = None  # type: ignore[assignment]
_NO_TASK: asyncio.Task[Any] = None  # type: ignore[assignment]
