"""Requests over asyncio streams, for callers that await.

Not `http.client` on threads: a request that is cancelled ends here and now, its connection closed, and what waits for a
thousand answers is a thousand sockets and no thread.
"""

import asyncio
import http.client
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import TypeAlias

from scoreline.client.address import Address
from scoreline.client.connections import MOST_KEPT, has_something, name_failure
from scoreline.client.errors import UnreadableAnswer
from scoreline.client.exchange import Reply, Request, Send
from scoreline.client.uploads import PIECE_BYTES, Upload
from scoreline.client.wire import Body, Head, read_head

LONGEST_HEAD_BYTES = 64 * 1024

LARGE_BYTES = 256 * 1024
"""A body of more than this may be refused while it is sent."""

_FAILURES = (OSError, EOFError, asyncio.LimitOverrunError, http.client.HTTPException)
_Connection: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Streams:
    """Sends requests, each over a connection that nobody else uses meanwhile. Belongs to one event loop.

    Args:
        tls: what decides whom to trust; None for plain HTTP.
    """

    def __init__(self, address: Address, tls: ssl.SSLContext | None) -> None:
        self._address = address
        self._tls = tls
        self._kept: deque[_Connection] = deque()
        self._closed = False

    async def exchange(self, step: Send) -> Reply:
        """Send a request and read the reply; where it is streamed, its pieces are yet to be read.

        Raises:
            Unreachable: no whole reply came in time.
            UnreadableAnswer: what came is no HTTP.
        """
        try:
            body = step.request.body
            if isinstance(body, Upload):
                return await self._upload(step, lambda: _frame(body.begin()))
            if body is not None and len(body) > LARGE_BYTES:
                return await self._upload(step, lambda: _slice(body))
            async with asyncio.timeout(step.timeout_seconds):
                return await self._ask(step)
        except _FAILURES as error:
            raise self._name(error, step) from error

    async def close(self) -> None:
        """Close what is kept; what is in use is closed when it is done."""
        self._closed = True
        while self._kept:
            _, writer = self._kept.pop()
            writer.transport.abort()
            # However a connection ends that nobody uses: it has ended.
            with suppress(OSError):
                await writer.wait_closed()

    async def _ask(self, step: Send) -> Reply:
        kept = self._take_kept() if step.request.idempotent else None
        if kept is not None:
            try:
                return await self._exchange(kept, step)
            except (ConnectionError, EOFError):
                # A server may close a connection while it lies idle, and in the moment when it is used again.
                pass
        return await self._exchange(await self._connect(), step)

    async def _exchange(self, connection: _Connection, step: Send) -> Reply:
        reader, writer = connection
        try:
            body = step.request.body if isinstance(step.request.body, bytes) else None
            writer.write(self._write_head(step.request) + (body or b""))
            await writer.drain()
            head = await read_head(reader)
            if step.streamed and head.status < http.HTTPStatus.MULTIPLE_CHOICES:
                return Reply(head.status, head.headers, pieces=self._stream(connection, head, step))
            found = await Body(reader, head).read_all()
        except BaseException:
            writer.transport.abort()
            raise
        self._keep(connection, whole=head.lasting)
        return Reply(head.status, head.headers, found)

    async def _upload(self, step: Send, begin: Callable[[], AsyncGenerator[bytes, None]]) -> Reply:
        """Send a large body; whoever refuses it answers before it has ended, so the answer is read all the while."""
        async with asyncio.timeout(step.timeout_seconds):
            connection = await self._connect()
        reader, writer = connection
        answered = asyncio.ensure_future(_read_whole(reader))
        try:
            writer.write(self._write_head(step.request))
            whole = await self._write_pieces(writer, begin(), answered, step.timeout_seconds)
            async with asyncio.timeout(step.timeout_seconds):
                head, body = await answered
        except BaseException:
            writer.transport.abort()
            raise
        finally:
            answered.cancel()
            await asyncio.wait([answered])
            if not answered.cancelled():
                answered.exception()  # is known: else asyncio would tell that nobody has asked for it
        self._keep(connection, whole=whole and head.lasting)
        return Reply(head.status, head.headers, body)

    async def _write_pieces(
        self,
        writer: asyncio.StreamWriter,
        pieces: AsyncGenerator[bytes, None],
        answered: "asyncio.Future[tuple[Head, bytes]]",
        timeout_seconds: float,
    ) -> bool:
        """Send pieces; false where the answer came, or the connection went, before all of them were sent."""
        socket = writer.get_extra_info("socket")
        async with aclosing(pieces):
            async for piece in pieces:
                # Writing on to one who has closed would lose what was not read yet. (Over TLS it need be no answer.)
                if answered.done() or (self._tls is None and has_something(socket)):
                    return False
                writer.write(piece)
                try:
                    async with asyncio.timeout(timeout_seconds):
                        await writer.drain()
                except ConnectionError:
                    # What is to be read says more than this.
                    return False
        return True

    async def _stream(self, connection: _Connection, head: Head, step: Send) -> AsyncGenerator[bytes, None]:
        whole = False
        body = Body(connection[0], head)
        try:
            while True:
                async with asyncio.timeout(step.timeout_seconds):
                    piece = await body.read_piece()
                if not piece:
                    break
                yield piece
            whole = head.lasting
        except _FAILURES as error:
            raise self._name(error, step) from error
        finally:
            self._keep(connection, whole=whole)

    async def _connect(self) -> _Connection:
        host = None if self._tls is None else self._address.host
        return await asyncio.open_connection(
            self._address.host, self._address.port, ssl=self._tls, server_hostname=host, limit=LONGEST_HEAD_BYTES
        )

    def _write_head(self, request: Request) -> bytes:
        length = {}
        if isinstance(request.body, Upload):
            length = {"Transfer-Encoding": b"chunked"}
        elif request.body is not None:
            length = {"Content-Length": b"%d" % len(request.body)}
        told = {"Host": self._address.netloc.encode(), **request.headers, **length}
        lines = [f"{request.method} {self._address.prefix}{request.target} HTTP/1.1".encode()]
        lines += [name.encode() + b": " + value for name, value in told.items()]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _take_kept(self) -> _Connection | None:
        while self._kept:
            reader, writer = self._kept.pop()
            if not writer.is_closing() and _lies_idle(reader, writer):
                return reader, writer
            writer.transport.abort()
        return None

    def _keep(self, connection: _Connection, *, whole: bool) -> None:
        if whole and not self._closed and len(self._kept) < MOST_KEPT:
            self._kept.append(connection)
        else:
            connection[1].transport.abort()

    def _name(self, error: Exception, step: Send) -> Exception:
        if isinstance(error, asyncio.LimitOverrunError):
            return UnreadableAnswer(f"{self._address.url}: an answer's head has more than {LONGEST_HEAD_BYTES} bytes")
        if isinstance(error, EOFError):
            error = http.client.IncompleteRead(b"")
        return name_failure(error, self._address, step)


async def _frame(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(pieces):
        async for piece in pieces:
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


async def _slice(body: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]


def _lies_idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether nothing has come that nobody asked for, not even the end; else it would be taken for the next answer."""
    if has_something(writer.get_extra_info("socket")):
        return False
    # A stream tells what it has only to who reads. With anything there the first step ends the reading; else it waits.
    reading = reader.read(1)
    try:
        reading.send(None)
    except (StopIteration, OSError):
        return False
    reading.close()
    return True


async def _read_whole(reader: asyncio.StreamReader) -> tuple[Head, bytes]:
    head = await read_head(reader)
    return head, await Body(reader, head).read_all()
