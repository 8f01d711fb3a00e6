"""One connection of the sidecar: aiohttp's protocol with deadlines and bounds of our own, and our answers to no HTTP.

aiohttp waits as long for the end of a head as for the next request, and bounds each of its lines but not their sum.
A caller that has sent its last byte may still be reading, or be gone: TCP says the same of both. So it is sent interim
answers, which whoever reads skips, and which whoever is gone resets.
"""

import asyncio
from typing import Any

from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import _ErrInfo

from scoreline.http.app import Sidecar
from scoreline.http.errors import Refusal, is_server_fault
from scoreline.http.wire.at_once import Answering, AtOnceHandler
from scoreline.http.wire.framing import count_behind
from scoreline.http.wire.parting import PartingResponse, name_error, refuse_large, refuse_slow

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


class Connection(AtOnceHandler):
    """A protocol instance for one connection, on the running event loop.

    Args:
        answering: who answers at once; None for nobody.
    """

    __slots__ = (
        "_answering",
        "_arriving",
        "_dropped_bytes",
        "_head_bytes",
        "_head_deadline",
        "_is_parting",
        "_sidecar",
    )

    def __init__(self, sidecar: Sidecar, connections: web.Server, answering: Answering | None) -> None:
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
        self._answering = answering
        self._arriving: tuple[RawRequestMessage, StreamReader] | None = None
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
        """Take bytes; those that are no whole head have a deadline and a bound, also behind a request."""
        queued, arriving = len(self._messages), self._arriving
        known_bytes = 0 if arriving is None else arriving[1].total_bytes
        begun_bytes = self.take(data, self._answering)
        if begun_bytes is not None:
            if self._head_deadline is not None:
                self._forget_head()
        else:
            begun_bytes = self._find_begun(data, queued, known_bytes)
            if self._waiter is None:
                self._count_dropped(len(data))
        if begun_bytes > 0:
            self._watch_head(begun_bytes)

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
        if exc is None or is_server_fault(status):
            return super().handle_error(request, status, exc, message)
        return PartingResponse(self._sidecar.refuse_unread(name_error(exc, most_headers=MOST_HEADERS)), self)

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

    def _find_begun(self, data: bytes, queued: int, known_bytes: int) -> int:
        """How many of the bytes that have come belong to a head that has not ended.

        Args:
            queued: messages that waited before.
            known_bytes: of the body that was arriving before.
        """
        if self._close or self._force_close or self._upgraded:
            return 0
        if len(self._messages) > queued:
            if self._head_deadline is not None:
                self._forget_head()
            message, payload = self._messages[-1]
            self._arriving = None
            if not isinstance(message, RawRequestMessage) or self._buffer_paused:
                return 0  # the last one, or so many that some of them are not parsed yet
            if not payload.is_eof():
                self._arriving = message, payload
                return 0
            return count_behind(data, 0 if message.chunked else payload.total_bytes)
        if self._arriving is None:
            return len(data)
        message, payload = self._arriving
        if not payload.is_eof():
            return 0
        self._arriving = None
        return count_behind(data, 0) if message.chunked else len(data) - (payload.total_bytes - known_bytes)

    def _watch_head(self, begun_bytes: int) -> None:
        self._head_bytes += begun_bytes
        if self._head_deadline is None:
            self._head_deadline = self._loop.call_later(HEAD_SECONDS, self._end_head)
        if self._head_bytes > MOST_HEAD_BYTES and self.is_idle:
            self._refuse_head(refuse_large(f"{MOST_HEAD_BYTES} bytes"))

    def _end_head(self) -> None:
        """Refuse a head that has not ended; it has more time while the requests before it are answered."""
        if self.is_idle:
            self._refuse_head(refuse_slow(HEAD_SECONDS))
        else:
            self._head_deadline = self._loop.call_later(HEAD_SECONDS, self._end_head)

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
