"""The short way of a request that is here whole and answered without waiting: no task, no future, one write.

aiohttp wakes the connection's task for a request, and has that make another task, which the loop gets to later; both
cost about as much as validating a row and writing its answer. What is answered while its bytes are taken needs neither.
Everything else goes aiohttp's way, and it learns nothing of what did not.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from scoreline.http.exchange import Answer, Call

AT_ONCE_BYTES = 16 * 1024
"""Larger bodies are not looked at here."""

AnswererAtOnce = Callable[[Call, bytes], Answer | None]
"""Answers a call with its body, or leaves it to who may wait; raises as an `Answerer` does."""

AnswersAtOnce = Callable[[web.BaseRequest, bytes], bytes | None]
"""Gives the answer to a request with its head, after which the connection stays; None where that takes waiting."""


class Answering(Protocol):
    """Who answers; the sidecar."""

    def find_at_once(self, method: str, target: str) -> AnswersAtOnce | None:
        """What may answer requests of this method for this target, which has its query with it; None for the most."""
        ...


class AtOnceHandler(web.RequestHandler):
    """aiohttp's protocol with the short way."""

    __slots__ = ()

    def take(self, data: bytes, answering: Answering) -> bool:
        """Take bytes that have come.

        Returns:
            Whether they were the end of a request that is answered already.
        """
        waiter = self._waiter
        # The first answer on a connection is aiohttp's, which sets its timer up for the next ones.
        if waiter is None or waiter.done() or self._keepalive_handle is None:
            super().data_received(data)
            return False
        self._waiter = None  # so that aiohttp wakes nobody yet
        try:
            super().data_received(data)
        finally:
            self._waiter = waiter
        if not self._messages:
            return False
        if len(self._messages) == 1 and self._answer_first(answering):
            return True
        if not waiter.done():
            waiter.set_result(None)
        return False

    def _answer_first(self, answering: Answering) -> bool:
        """Answer the request that waits, and take it away; or leave it as it is."""
        message, payload = self._messages[0]
        if not isinstance(message, RawRequestMessage) or message.should_close or message.upgrade:
            return False
        if not payload.is_eof() or payload.exception() is not None or payload.total_bytes > AT_ONCE_BYTES:
            return False
        transport, manager, parser = self.transport, self._manager, self._parser
        if transport is None or manager is None or parser is None or self.writing_paused:
            return False
        answer_at_once = answering.find_at_once(message.method, message.path)
        if answer_at_once is None:
            return False
        request = web.BaseRequest(message, payload, self, _NO_WRITER, _NO_TASK, self._loop)
        body = payload.read_nowait()
        answer = answer_at_once(request, body)
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
