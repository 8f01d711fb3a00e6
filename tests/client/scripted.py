"""A sidecar on loopback that does what a script says, turn by turn; and both clients behind one face."""

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from scoreline.client import AsyncClient, Client, Retries

TYPE_PREFIX = "urn:scoreline:problem:"


@dataclass(frozen=True)
class Asked:
    """A request as it came; `connection` counts connections from 0."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Turn:
    """One request of a caller, to be answered as the script wants."""

    def __init__(self, handler: BaseHTTPRequestHandler, server: "Scripted", connection: int) -> None:
        self._handler = handler
        self._server = server
        self._connection = connection

    def take(self) -> Asked:
        """Read the request to its end, and note it."""
        handler = self._handler
        if handler.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(self._read_chunks())
        else:
            body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        return self.note(body)

    def note(self, body: bytes = b"") -> Asked:
        handler = self._handler
        headers = {name.lower(): value for name, value in handler.headers.items()}
        asked = Asked(handler.command, handler.path, headers, body, self._connection)
        self._server.asked.append(asked)
        return asked

    def send(self, text: bytes) -> None:
        self._handler.wfile.write(text)

    def send_chunks(self, pieces: Iterable[bytes], *, whole: bool = True) -> None:
        self.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in pieces:
            self.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        if whole:
            self.send(b"0\r\n\r\n")
        else:
            self.cut()

    def cut(self) -> None:
        """End the connection, whatever was said."""
        self._handler.close_connection = True

    def linger(self) -> None:
        """Drop what still comes until the caller ends the connection; else the reset might outrun what was said."""
        self.cut()
        try:
            while self._handler.rfile.read1(65_536):
                pass
        except ConnectionError:
            return  # gone: nobody is left to be kept waiting

    def read_line(self) -> bytes:
        return self._handler.rfile.readline()

    def _read_chunks(self) -> Iterator[bytes]:
        while size := int(self._handler.rfile.readline(), 16):
            yield self._handler.rfile.read(size)
            self._handler.rfile.readline()
        self._handler.rfile.readline()


Step = Callable[[Turn], object]


def answering(status: int = 200, body: Any = b"", **headers: str) -> Step:
    """Take the request, and answer it."""

    def step(turn: Turn) -> None:
        turn.take()
        turn.send(write_answer(status, body, **headers))

    return step


def write_answer(status: int, body: Any, **headers: str) -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"Content-Length": str(len(raw)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


def refusing(status: int, slug: str = "unavailable", errors: Any = None, **headers: str) -> Step:
    """Answer with a problem of the sidecar's."""
    problem = {"type": TYPE_PREFIX + slug, "title": "Problem", "status": status, "detail": f"because of {slug}"}
    return answering(status, problem | ({} if errors is None else {"errors": errors}), X_Request_Id="r-1", **headers)


def cutting(turn: Turn) -> None:
    """Take the request, and end the connection instead of an answer."""
    turn.take()
    turn.cut()


def streaming(*pieces: bytes, whole: bool = True) -> Step:
    """Take the request, and answer with chunks; not whole, the connection ends after the last of them."""

    def step(turn: Turn) -> None:
        turn.take()
        turn.send_chunks(pieces, whole=whole)

    return step


class Scripted:
    """A server that takes one step of its script for each request, and notes what it was asked."""

    def __init__(self, steps: Iterable[Step], tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.connections: list[socket.socket] = []
        self._steps = iter(steps)
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 0
            disable_nagle_algorithm = True  # or the second small piece of an answer waits 40 ms for the first's receipt

            def setup(self) -> None:
                scripted.connections.append(self.request)
                self.number = len(scripted.connections) - 1
                super().setup()

            def answer(self) -> None:
                turn = Turn(self, scripted, self.number)
                next(scripted._steps, answering(500, b"the script has ended"))(turn)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - as the library looks for them

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = False
            request_queue_size = 64

            def handle_error(self, *_: Any) -> None:
                """A client that went away is part of many a script."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.001})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._server.server_close()


@contextmanager
def scripted(*steps: Step, tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    server = Scripted(steps, tls)
    try:
        yield server
    finally:
        server.close()


@dataclass
class Watch:
    """A clock that goes on only while somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)


class Awaited:
    """An `AsyncClient` that blocks, so that one test tries both."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncClient(*arguments, **options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments, **options: self._runner.run(self._call(name, arguments, options))

    async def _call(self, name: str, arguments: Any, options: Any) -> Any:
        return await getattr(self._client, name)(*arguments, **options)

    def results(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        rows = self._client.results(*arguments, **options)
        ended = object()

        async def step() -> Any:
            return await anext(rows, ended)

        while (row := self._runner.run(step())) is not ended:
            yield row

    def close(self) -> None:
        self._runner.run(self._client.close())
        self._runner.close()


class Doorway:
    """Makes clients of one flavour on a clock that does not wait, and closes them in the end."""

    def __init__(self, flavour: str) -> None:
        self._flavour = flavour
        self._made: list[Any] = []
        self.watch = Watch()

    def __call__(self, url: str, **options: Any) -> Any:
        options = {"retries": Retries(draw=lambda: 0.0), "clock": self.watch, "timeout_seconds": 5.0, **options}
        if self._flavour == "sync":
            client: Any = Client(url, sleep=self.watch.sleep, **options)
        else:
            client = Awaited(url, sleep=self.watch.sleep_async, **options)
        self._made.append(client)
        return client

    def close(self) -> None:
        for client in self._made:
            client.close()
