"""An answer that is made while it is sent: in pieces, never faster than its caller reads."""

import asyncio
import logging
import socket
import struct
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion11

from scoreline.http.exchange import Answer, Pieces
from scoreline.http.wire.response import WRITE_SECONDS

logger = logging.getLogger("scoreline.http")

WRITE_BYTES = 64 * 1024
"""So much has to go within `WRITE_SECONDS`: a caller on a slow line is no caller that has stopped to read."""


class StreamedResponse(web.StreamResponse):
    """Sends the pieces of an `Answer`; aiohttp calls `prepare` once, then `write_eof`, then reads `keep_alive`.

    In chunks, whose last one is missing when a piece cannot be had: so the caller learns that this is not all. HTTP/1.0
    knows only the end of the connection, which is then a reset.
    """

    def __init__(
        self, answer: Answer, pieces: Pieces, request_id: str, date: str, *, trace_id: str | None = None
    ) -> None:
        super().__init__(status=answer.status)
        self._answer = answer
        self._pieces = pieces
        self._request_id = request_id
        self._trace_id = trace_id
        self._date = date

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send everything.

        Raises:
            ConnectionError: the caller is gone, does not read, or was cut off because a piece could not be had.
        """
        chunked = request.version >= HttpVersion11
        self._keep_alive = chunked and request.keep_alive and not self._answer.closes and request.content.is_eof()
        try:
            await self._write(request, self._make_head(chunked=chunked))
            if request.method != "HEAD":
                await self._send_pieces(request, chunked=chunked)
        except TimeoutError as error:
            _abort(request)
            raise ConnectionAbortedError("the caller does not read its answer") from error
        finally:
            await self._pieces.close()
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""

    async def _send_pieces(self, request: web.BaseRequest, *, chunked: bool) -> None:
        while (piece := await self._take(request, chunked=chunked)) is not None:
            for start in range(0, len(piece), WRITE_BYTES):
                part = piece[start : start + WRITE_BYTES]
                await self._write(request, b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        if chunked:
            await self._write(request, b"0\r\n\r\n")

    async def _take(self, request: web.BaseRequest, *, chunked: bool) -> bytes | None:
        try:
            return await self._pieces.take()
        except Exception as error:
            logger.error(  # noqa: TRY400 - a stack trace only for what is not expected
                "an answer broke off: %s",
                type(error).__name__,
                extra={
                    "event": "answer_broken",
                    "request_id": self._request_id,
                    "trace_id": self._trace_id,
                    "error": f"{type(error).__name__}: {error}",
                },
            )
            if not chunked:
                _abort(request)
            raise ConnectionAbortedError("the rest of the answer cannot be had") from error

    async def _write(self, request: web.BaseRequest, data: bytes) -> None:
        await request.writer.write(data, drain=False)  # type: ignore[call-arg]  # of the one implementation
        if request.protocol.writing_paused:
            async with asyncio.timeout(WRITE_SECONDS):
                await request.writer.drain()

    def _make_head(self, *, chunked: bool) -> bytes:
        status, extra = self._answer.status, "".join(f"{name}: {value}\r\n" for name, value in self._answer.headers)
        return (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nServer: scoreline\r\nCache-Control: no-store\r\n"
            f"X-Content-Type-Options: nosniff\r\nContent-Type: {self._answer.content_type}\r\n"
            f"{'Transfer-Encoding: chunked' + chr(13) + chr(10) if chunked else ''}"
            f"X-Request-Id: {self._request_id}\r\nDate: {self._date}\r\n"
            f"Connection: {'keep-alive' if self._keep_alive else 'close'}\r\n{extra}\r\n"
        ).encode("ascii")


def _abort(request: web.BaseRequest) -> None:
    """End the connection with a reset, which cannot be taken for the end of the answer."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
