"""Requests over connections that are kept: `http.client`, for callers that block."""

import http.client
import select
import ssl
from collections import deque
from collections.abc import Generator
from typing import Any

from scoreline.client.address import Address
from scoreline.client.errors import Unreachable, UnreadableAnswer, Untrusted
from scoreline.client.exchange import Reply, Request, Send
from scoreline.client.retries import Clock
from scoreline.client.uploads import Upload

MOST_KEPT = 16
READ_BYTES = 64 * 1024


class Connections:
    """Sends requests, each over a connection that nobody else uses meanwhile; any thread may ask for one.

    Args:
        tls: what decides whom to trust; None for plain HTTP.
    """

    def __init__(self, address: Address, tls: ssl.SSLContext | None, clock: Clock) -> None:
        self._address = address
        self._tls = tls
        self._clock = clock
        self._kept: deque[http.client.HTTPConnection] = deque(maxlen=MOST_KEPT)
        self._closed = False

    def exchange(self, step: Send) -> Reply:
        """Send a request and read the reply; where it is streamed, its pieces are yet to be read.

        Raises:
            Unreachable: no whole reply came in time.
            UnreadableAnswer: what came is no HTTP.
        """
        kept = self._take_kept() if _may_use_kept(step) else None
        if kept is not None:
            try:
                return self._exchange(kept, step)
            except ConnectionError:
                # A server may close a connection while it lies idle, and in the moment when it is used again.
                pass
            except (OSError, http.client.HTTPException) as error:
                raise self._name(error, step) from error
        try:
            return self._exchange(self._make(), step)
        except (OSError, http.client.HTTPException) as error:
            raise self._name(error, step) from error

    def close(self) -> None:
        """Close what is kept; what is in use is closed when it is done."""
        self._closed = True
        while self._kept:
            self._kept.pop().close()

    def _exchange(self, connection: http.client.HTTPConnection, step: Send) -> Reply:
        until = self._clock() + step.timeout_seconds
        try:
            whole = self._write(connection, step)
            socket = connection.sock
            if isinstance(step.request.body, Upload):
                until = self._clock() + step.timeout_seconds
            socket.settimeout(self._find_remaining(until))
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.headers.items()}
            if step.streamed and response.status < http.HTTPStatus.MULTIPLE_CHOICES:
                socket.settimeout(step.timeout_seconds)
                return Reply(response.status, headers, pieces=self._stream(connection, response, step))
            body = bytearray()
            while piece := _read_piece(response):
                body += piece
                socket.settimeout(self._find_remaining(until))
            response.close()
        except BaseException:
            connection.close()
            raise
        self._keep(connection, whole=whole and not response.will_close)
        return Reply(response.status, headers, bytes(body))

    def _find_remaining(self, until: float) -> float:
        remaining = until - self._clock()
        if remaining <= 0:
            raise TimeoutError
        return remaining

    def _stream(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, step: Send
    ) -> Generator[bytes, None, None]:
        whole = False
        try:
            while piece := self._read_named(response, step):
                yield piece
            whole = not response.will_close
        finally:
            response.close()
            self._keep(connection, whole=whole)

    def _read_named(self, response: http.client.HTTPResponse, step: Send) -> bytes:
        try:
            return _read_piece(response)
        except (OSError, http.client.HTTPException) as error:
            raise self._name(error, step) from error

    def _write(self, connection: http.client.HTTPConnection, step: Send) -> bool:
        """Send the request; false where the answer came, or the connection went, before all of it was sent."""
        connection.timeout = step.timeout_seconds
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(step.timeout_seconds)
        try:
            return self._write_connected(connection, step.request)
        except ConnectionError:
            # Whoever refuses a body answers and closes: what is to be read, if anything is, says more than this.
            return False

    def _write_connected(self, connection: http.client.HTTPConnection, request: Request) -> bool:
        body = request.body
        connection.putrequest(request.method, self._address.prefix + request.target, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        if not isinstance(body, Upload):
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return True
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        for piece in body.begin():
            # Over TLS there may be something to read that is no answer: tickets for the next session.
            if self._tls is None and has_something(connection.sock):
                return False
            connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
        return True

    def _make(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._address.host, self._address.port)
        return http.client.HTTPSConnection(self._address.host, self._address.port, context=self._tls)

    def _take_kept(self) -> http.client.HTTPConnection | None:
        while self._kept:
            try:
                connection = self._kept.pop()
            except IndexError:
                return None
            if not has_something(connection.sock):
                return connection
            connection.close()
        return None

    def _keep(self, connection: http.client.HTTPConnection, *, whole: bool) -> None:
        if whole and not self._closed and connection.sock is not None and len(self._kept) < MOST_KEPT:
            self._kept.append(connection)
        else:
            connection.close()

    def _name(self, error: Exception, step: Send) -> Exception:
        return name_failure(error, self._address, step)


def name_failure(error: Exception, address: Address, step: Send) -> Exception:
    """The error of ours for one of a connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Untrusted(f"{address.url} is not to be trusted: {error.verify_message}; name its authority with ca_file")
    if isinstance(error, TimeoutError):
        return Unreachable(f"{address.url} did not answer within {step.timeout_seconds:.3g} s")
    if isinstance(error, http.client.IncompleteRead):
        return Unreachable(f"{address.url}: the connection ended within the answer")
    if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
        return UnreadableAnswer(f"{address.url} does not answer as a sidecar does: {error!r}")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Unreachable(f"{address.url} does not answer: {reason}")


def _may_use_kept(step: Send) -> bool:
    """What must not be sent twice, or cannot be, gets a connection that is known to be new."""
    return step.request.idempotent and not isinstance(step.request.body, Upload)


def _read_piece(response: http.client.HTTPResponse) -> bytes:
    piece: bytes = response.read1(READ_BYTES)
    missing: Any = response.length
    if not piece and missing:
        raise http.client.IncompleteRead(b"", missing)
    return piece


def has_something(socket: Any) -> bool:
    """Whether there is something to read, or the end of the connection."""
    if socket.fileno() < 0:
        return True  # closed meanwhile, by this side's loop
    poll = getattr(select, "poll", None)
    if poll is None:  # on Windows, and where a library of green threads has taken it away
        return bool(select.select([socket], [], [], 0)[0])
    waiting = poll()
    waiting.register(socket, select.POLLIN)
    return bool(waiting.poll(0))
