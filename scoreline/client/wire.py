"""Answers as HTTP/1.1 frames them, read from an asyncio stream."""

import asyncio
import http.client
import io
from collections.abc import Mapping
from dataclasses import dataclass

READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an answer.

    Attributes:
        lasting: whether the connection may be used again once the body was read.
    """

    status: int
    headers: Mapping[str, str]
    lasting: bool


async def read_head(reader: asyncio.StreamReader) -> Head:
    """The head of the final answer; those before it, as 100 Continue, say nothing."""
    while True:
        raw = io.BytesIO(await reader.readuntil(b"\r\n\r\n"))
        line = raw.readline().decode("latin-1").split(None, 2)
        if len(line) < 2 or not line[0].startswith("HTTP/1.") or not (line[1].isascii() and line[1].isdigit()):
            raise http.client.BadStatusLine(" ".join(line))
        status = int(line[1])
        headers = {name.lower(): value for name, value in http.client.parse_headers(raw).items()}
        if status >= http.HTTPStatus.OK:
            known = headers.get("transfer-encoding", "").lower() == "chunked" or "content-length" in headers
            told = headers.get("connection", "").lower()
            return Head(status, headers, known and line[0] != "HTTP/1.0" and told != "close")


class Body:
    """The body of an answer as it arrives; without length or chunks it ends with the connection."""

    def __init__(self, reader: asyncio.StreamReader, head: Head) -> None:
        self._reader = reader
        self._chunked = head.headers.get("transfer-encoding", "").lower() == "chunked"
        length = head.headers.get("content-length")
        self._left: int | None = None
        if head.status in (http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED):
            self._chunked, self._left = False, 0
        elif self._chunked:
            self._left = 0
        elif length is not None:
            self._left = _read_number(length.encode(), 10)
        self._ended = not self._chunked and self._left == 0

    async def read_all(self) -> bytes:
        """All of it."""
        found = bytearray()
        while piece := await self.read_piece():
            found += piece
        return bytes(found)

    async def read_piece(self) -> bytes:
        """What has come of it, at least a byte; empty at its end.

        Raises:
            EOFError: the connection ended before the body did.
            http.client.HTTPException: the body is not framed as HTTP frames it.
        """
        if self._chunked and not self._ended and self._left == 0:
            await self._begin_chunk()
        if self._ended:
            return b""
        piece = await self._reader.read(READ_BYTES if self._left is None else min(READ_BYTES, self._left))
        if self._left is None:
            return piece
        if not piece:
            raise EOFError
        self._left -= len(piece)
        if self._chunked and self._left == 0:
            await self._reader.readexactly(2)
        self._ended = not self._chunked and self._left == 0
        return piece

    async def _begin_chunk(self) -> None:
        self._left = _read_number((await self._reader.readuntil(b"\n")).split(b";")[0], 16)
        if self._left == 0:
            self._ended = True
            while (await self._reader.readuntil(b"\n")).strip():
                """A trailer, which says nothing to us."""


def _read_number(digits: bytes, base: int) -> int:
    try:
        return int(digits.strip(), base)
    except ValueError as error:
        raise http.client.HTTPException(f"expected a number of bytes, but got {digits[:20]!r}") from error
