"""Rows on their way to a sidecar: NDJSON piece by piece, in bounded memory."""

import asyncio
import http.client
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from typing import Any, BinaryIO, Generic, TypeAlias, TypeVar

from scoreline.client.errors import NotSent
from scoreline.client.writing import Row, write_row

Rows: TypeAlias = Iterable[Row] | bytes | BinaryIO
"""Mappings of feature and value, or NDJSON: bytes, or a file that was opened to read bytes."""

PIECE_BYTES = 64 * 1024
"""So much is sent at once; a piece that is not full yet waits for more rows."""

P = TypeVar("P")

_READING_FAILED = (OSError, EOFError, http.client.HTTPException)
"""What rows may raise that a transport would take for its own; all else that they raise reaches the caller as it is."""


class Upload(Generic[P]):
    """A body that is made while it is sent.

    Args:
        begin: starts from the first row and gives the pieces.
        repeatable: whether it may be called more than once; an iterator gives its rows only once.
    """

    def __init__(self, begin: Callable[[], P], *, repeatable: bool) -> None:
        self._begin = begin
        self.repeatable = repeatable
        self._begun = False

    @property
    def spent(self) -> bool:
        """Whether rows were taken that cannot be had again."""
        return self._begun and not self.repeatable

    def begin(self) -> P:
        """The pieces, from the first row."""
        self._begun = True
        return self._begin()


def make_upload(rows: Rows) -> Upload[Iterator[bytes]]:
    """An upload of rows.

    Raises:
        NotSent: these are no rows. (A row that JSON cannot hold is found while they are sent, and ends that.)
    """
    source: Any = rows  # callers without a type checker give all sorts of things
    if isinstance(source, bytes | bytearray | memoryview):
        whole = memoryview(source).cast("B")
        return Upload(
            lambda: (bytes(whole[i : i + PIECE_BYTES]) for i in range(0, len(whole), PIECE_BYTES)), repeatable=True
        )
    if hasattr(source, "read"):
        return _upload_file(source)
    if isinstance(source, str | Mapping) or not isinstance(source, Iterable):
        raise NotSent(f"expected rows as mappings, NDJSON bytes or a binary file, but got a {type(source).__name__}")
    return Upload(lambda: _write_rows(iter(source)), repeatable=not isinstance(source, Iterator))


def make_async_upload(rows: Rows | AsyncIterable[Row]) -> Upload[AsyncGenerator[bytes, None]]:
    """An upload of rows for a transport that awaits; rows that come at once let others run between pieces.

    Raises:
        NotSent: these are no rows.
    """
    if isinstance(rows, AsyncIterable):
        source = rows
        return Upload(lambda: _write_async_rows(source), repeatable=not isinstance(source, AsyncIterator))
    upload = make_upload(rows)
    return Upload(lambda: _yield_between(upload.begin()), repeatable=upload.repeatable)


class _Pieces:
    """Collects lines until they are worth sending."""

    def __init__(self) -> None:
        self._lines = bytearray()
        self._count = 0

    def add(self, row: Row) -> bytes | None:
        """A full piece, if this row fills it."""
        try:
            self._lines += write_row(row)
        except (TypeError, ValueError) as error:
            raise NotSent(f"row {self._count}: {error}") from error
        self._lines += b"\n"
        self._count += 1
        return self.take() if len(self._lines) >= PIECE_BYTES else None

    def take(self) -> bytes:
        """What has been collected; may be empty."""
        taken, self._lines = bytes(self._lines), bytearray()
        return taken


def _write_rows(rows: Iterator[Row]) -> Iterator[bytes]:
    pieces = _Pieces()
    try:
        for row in rows:
            piece = pieces.add(row)
            if piece is not None:
                yield piece
    except _READING_FAILED as error:
        raise NotSent(f"the rows cannot be read: {error}") from error
    rest = pieces.take()
    if rest:
        yield rest


async def _write_async_rows(rows: AsyncIterable[Row]) -> AsyncGenerator[bytes, None]:
    pieces = _Pieces()
    try:
        async for row in rows:
            piece = pieces.add(row)
            if piece is not None:
                yield piece
    except _READING_FAILED as error:
        raise NotSent(f"the rows cannot be read: {error}") from error
    rest = pieces.take()
    if rest:
        yield rest


async def _yield_between(pieces: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)


def _upload_file(file: Any) -> Upload[Iterator[bytes]]:
    seekable = file.seekable()
    start = file.tell() if seekable else 0

    def begin() -> Iterator[bytes]:
        try:
            if seekable:
                file.seek(start)
            while piece := file.read(PIECE_BYTES):
                if not isinstance(piece, bytes):
                    raise NotSent("the file gives text: open it to read bytes ('rb')")
                yield piece
        except _READING_FAILED as error:
            raise NotSent(f"the rows cannot be read: {error}") from error

    return Upload(begin, repeatable=seekable)
