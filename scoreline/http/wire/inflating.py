"""Compressed bodies, undone while they are read: in small pieces, and whole or not at all.

aiohttp would do it, but takes a gzip stream that breaks off for one that has ended.
"""

import asyncio
import zlib
from typing import Protocol

from aiohttp import web
from multidict import istr

from scoreline.errors import MalformedRequest

PIECE_BYTES = 64 * 1024
"""So much is undone at a time, whatever a few bytes may stand for."""

_CONTENT_ENCODING = istr("Content-Encoding")
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_DEFLATED = 8
"""Low bits of the first byte of a zlib stream; some callers send deflate without its head."""


class Body(Protocol):
    """What a body is read from."""

    async def readany(self) -> bytes:
        """What is there, or comes next; empty at the end."""
        ...


def is_compressed(request: web.BaseRequest) -> bool:
    """Whether the bytes of a body are not yet those that are meant."""
    return _find_encoding(request) in ("gzip", "deflate")


def open_body(request: web.BaseRequest) -> Body:
    """The body of a request as it is meant; see `media_types` for the encodings that are let in."""
    return InflatedBody(request.content, _find_encoding(request)) if is_compressed(request) else request.content


class InflatedBody:
    """A body without its compression.

    Args:
        encoding: gzip, whose streams may follow one another, or deflate.
    """

    def __init__(self, content: Body, encoding: str) -> None:
        self._content = content
        self._is_gzip = encoding == "gzip"
        self._stream: zlib._Decompress | None = None
        self._input = b""
        self._may_have_more = False

    async def readany(self) -> bytes:
        """The next bytes, at most `PIECE_BYTES`; empty at the end.

        Raises:
            MalformedRequest: it is not in its encoding, or breaks off.
        """
        while True:
            while self._may_have_more:
                await asyncio.sleep(0)  # a few bytes may stand for many: others have their turns meanwhile
                if piece := self._take():
                    return piece
            self._input = await self._content.readany()
            if not self._input:
                if self._stream is not None and not self._stream.eof:
                    raise _refuse()
                return b""
            self._may_have_more = True

    def _take(self) -> bytes:
        stream = self._find_stream()
        try:
            piece = stream.decompress(self._input, PIECE_BYTES)
        except zlib.error as error:
            raise _refuse() from error
        self._input = stream.unused_data if stream.eof else stream.unconsumed_tail
        # zlib may hold back what there was no room for, although it has taken all of the input.
        self._may_have_more = bool(self._input) or len(piece) == PIECE_BYTES
        return piece

    def _find_stream(self) -> "zlib._Decompress":
        """What undoes the input: the stream that it goes on with, or begins."""
        stream = self._stream
        if stream is None:
            has_head = self._input[0] & 0xF == _DEFLATED
            stream = zlib.decompressobj(_GZIP if self._is_gzip else _ZLIB if has_head else _RAW)
        elif stream.eof and self._input:
            if not self._is_gzip:
                raise _refuse()
            stream = zlib.decompressobj(_GZIP)
        self._stream = stream
        return stream


def _find_encoding(request: web.BaseRequest) -> str:
    return request.headers.get(_CONTENT_ENCODING, "").lower()


def _refuse() -> MalformedRequest:
    return MalformedRequest("the body breaks off, or is not in the encoding that it is said to be in")
