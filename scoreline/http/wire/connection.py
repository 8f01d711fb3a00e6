"""One connection of the sidecar: aiohttp's protocol with deadlines and bounds of our own, and our answers to no HTTP.

aiohttp waits as long for the end of a head as for the next request, and bounds each of its lines but not their sum.
A caller that has sent its last byte may still be reading, or be gone: TCP says the same of both. So it is sent interim
answers, which whoever reads skips, and which whoever is gone resets.
"""

import asyncio
from typing import Any

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import _ErrInfo

from scoreline.errors import MalformedRequest
from scoreline.http.app import Sidecar
from scoreline.http.errors import HeadTooLarge, HeadTooSlow, Refusal
from scoreline.http.wire.at_once import AtOnceHandler

KEEP_ALIVE_SECONDS = 75.0
"""For a connection without a request on it; longer than what load balancers keep theirs for."""

HEAD_SECONDS = 10.0
"""For request line and headers to arrive, from the first byte that is not all of them."""

MOST_HEAD_BYTES = 64 * 1024
"""Of request line and headers that arrive bit by bit."""

MOST_HEADERS = 100

LINGER_SECONDS = 1.0
"""How long the rest of a refused body is read and dropped, so that the caller sees its answer instead of a reset."""

MOST_DROPPED_BYTES = 64 * 1024 * 1024
"""Of a refused body: most callers read no answer before all of theirs is sent. From a faster one no more is taken."""

_FIRST_PROBE_SECONDS, _LAST_PROBE_SECONDS = 0.02, 0.25
_INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
_FIRST_SERVER_STATUS = 500


class Connection(AtOnceHandler):
    """A protocol instance for one connection, on the running event loop."""

    __slots__ = ("_dropped_bytes", "_head_bytes", "_head_deadline", "_is_parting", "_sidecar")

    def __init__(self, sidecar: Sidecar, connections: web.Server) -> None:
        super().__init__(
            connections,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to say that it should write none
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            lingering_time=LINGER_SECONDS,
            max_headers=MOST_HEADERS,
            auto_decompress=False,  # see scoreline.http.wire.inflating
        )
        self._sidecar = sidecar
        self._dropped_bytes = 0
        self._head_bytes = 0
        self._head_deadline: asyncio.TimerHandle | None = None
        self._is_parting = False

    @property
    def is_open(self) -> bool:
        """Whether it has neither ended nor is about to."""
        return self.transport is not None and not self.transport.is_closing()

    @property
    def is_idle(self) -> bool:
        """Whether no whole request has come that is not answered."""
        return self._waiter is not None and not self._waiter.done()

    @property
    def waits_for_caller(self) -> bool:
        """Whether nothing is to be done until its caller has sent, or read, more."""
        request = self._current_request
        return self.is_idle or (request is not None and (self.writing_paused or not request.content.is_eof()))

    @property
    def waits_since(self) -> float:
        """When it came, or its last answer was given; seconds of the loop's clock."""
        return self._next_keepalive_close_time

    def give_up(self) -> None:
        """End it at once, whatever was on its way."""
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes; those that are no whole head have a deadline and a bound."""
        if self.take(data, self._sidecar) or self._waiter is None or self._waiter.done():
            if self._head_deadline is not None:
                self._forget_head()
            if self._waiter is None:
                self._count_dropped(len(data))
            return
        if not data:
            return
        self._head_bytes += len(data)
        if self._head_deadline is None:
            self._head_deadline = self._loop.call_later(HEAD_SECONDS, self._refuse_head, _too_slow())
        if self._head_bytes > MOST_HEAD_BYTES:
            self._refuse_head(_too_large(f"{MOST_HEAD_BYTES} bytes"))

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio asks whether to keep the connection; aiohttp never does
        """Answer what has come whole, although no more will come; under TLS asyncio does not let us."""
        request, transport = self._current_request, self.transport
        whole = request is None or request.content.is_eof()
        if transport is None or self.is_idle or not whole or self._is_parting:
            return False
        if transport.get_extra_info("sslcontext") is not None:
            return False
        self._loop.call_later(_FIRST_PROBE_SECONDS, self._probe, _FIRST_PROBE_SECONDS)
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        """Drop what belongs to the connection."""
        self._forget_head()
        super().connection_lost(exc)

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's signature
        """Resume what was paused; aiohttp asks for it after every read, and then parses nothing once more."""
        if self._reading_paused and self._dropped_bytes <= MOST_DROPPED_BYTES:
            super().resume_reading(resume_parser)

    def log_exception(self, *args: Any, **details: Any) -> None:
        """Log what broke; not that a body did, which was answered already and ends the connection."""
        if not isinstance(details.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **details)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what could not be parsed; aiohttp would write a stack trace to the log for each."""
        if exc is None or status >= _FIRST_SERVER_STATUS:
            return super().handle_error(request, status, exc, message)
        return _Parting(self._sidecar.refuse_unread(_name_error(exc)), self)

    async def drain_caller(self) -> None:
        """Read and drop what a refused caller still sends, so that it gets to its answer; ends when it hangs up."""
        self._is_parting = self._close = True  # from now on aiohttp drops what comes
        if self.transport is not None and self.transport.can_write_eof():
            self.transport.write_eof()
        await asyncio.sleep(LINGER_SECONDS)

    def _probe(self, after_seconds: float) -> None:
        """See whether a caller that sends no more is there; end the connection when it has all its answers."""
        if self.transport is None:
            return
        if self.is_idle:
            self.force_close()
            return
        request = self._current_request
        if request is not None and not request.content.is_eof():
            self.give_up()  # its body had not ended, and nobody could tell when the caller sent its last byte
            return
        if request is not None and request.version >= HttpVersion11 and request.writer.output_size == 0:
            self.transport.write(_INTERIM)
        after_seconds = min(2 * after_seconds, _LAST_PROBE_SECONDS)
        self._loop.call_later(after_seconds, self._probe, after_seconds)

    def _count_dropped(self, size_bytes: int) -> None:
        """Take no more of a body that has been answered already, once enough of it was dropped."""
        if self._current_request is not None:
            self._dropped_bytes = 0
            return
        self._dropped_bytes += size_bytes
        if self._dropped_bytes > MOST_DROPPED_BYTES:
            self._pause_transport_reading()

    def _refuse_head(self, error: Refusal) -> None:
        self._forget_head()
        if self._waiter is not None and not self._waiter.done():
            self._messages.append((_ErrInfo(400, error, str(error)), EMPTY_PAYLOAD))
            self._waiter.set_result(None)

    def _forget_head(self) -> None:
        self._head_bytes = 0
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None


class _Parting(web.StreamResponse):
    """The last answer on a connection whose caller may still be sending."""

    def __init__(self, response: web.StreamResponse, connection: Connection) -> None:
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


def _name_error(error: BaseException) -> Exception:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, LineTooLong):
        return _too_large("8190 bytes in a line")
    if isinstance(error, BadHttpMessage) and "Too many headers" in error.message:
        return _too_large(f"{MOST_HEADERS} headers")
    return MalformedRequest("this is not an HTTP request")


def _too_slow() -> HeadTooSlow:
    return HeadTooSlow(f"request line and headers did not end within {HEAD_SECONDS:g} s")


def _too_large(allowed: str) -> HeadTooLarge:
    return HeadTooLarge(f"request line and headers are more than is allowed: {allowed}")
