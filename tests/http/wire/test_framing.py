import asyncio

import pytest

from scoreline.http.wire import connection
from scoreline.http.wire.framing import count_behind
from tests.http.sidecars import Held, happens, serve, until

BODY = b'{"instances": [{"a": 1}]}'
CHUNKS = b"19\r\n%s\r\n0\r\n\r\n" % BODY
LONG = b'{"instances": [{"a": 1}]%s}' % (b" " * 300_000)


def ask(body: bytes = BODY, headers: bytes = b"Content-Length: %d\r\n", path: bytes = b"/predict") -> bytes:
    length = headers % len(body) if b"%d" in headers else headers
    return b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n%s" % (path, length, body)


CHUNKED = b"Transfer-Encoding: chunked\r\n"
REQUESTS = {
    "at once": ask(),
    "chunked at once": ask(CHUNKS, CHUNKED),
    "on a thread": ask(b'{"instances": [%s]}' % b",".join([b'{"a": 1}'] * 50)),
    "with a query": ask(path=b"/predict?version=1"),
    "chunked": ask(CHUNKS, CHUNKED, b"/predict?version=1"),
    "without a body": b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "large": ask(LONG),
    "two": ask() + ask(CHUNKS, CHUNKED),
}
BEGUN = b"GET /health HTTP/1.1\r\nHost: x\r\nA: b"


async def read_answers(reader: asyncio.StreamReader, count: int) -> None:
    for _ in range(count):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.startswith(b"HTTP/1.1 200 ")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))


async def send(writer: asyncio.StreamWriter, pieces: list[bytes]) -> None:
    """One after the other; where two come in one all the same, that is a case, too."""
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.005)


def cut(text: bytes, places: list[int]) -> list[bytes]:
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def choose_cuts(request: bytes) -> list[list[int]]:
    """All in one, and in two: within the head, in its end, behind it, within the body, and before its last byte."""
    head = request.index(b"\r\n\r\n")
    places = {5, head + 2, head + 4, head + 10, len(request) - 1}
    return [[], *([place] for place in sorted(places) if place < len(request))]


@pytest.mark.parametrize("kind", REQUESTS)
async def test_a_head_that_has_begun_behind_a_request_does_not_end_in_time_either(kind, monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.15)
    request, count = REQUESTS[kind], 1 + (kind == "two")
    async with serve() as running:

        async def try_it(places: list[int]) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
            await send(writer, cut(request + BEGUN, places))
            await read_answers(reader, count)
            assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 408 ")
            writer.close()

        await asyncio.gather(*map(try_it, choose_cuts(request)))


@pytest.mark.parametrize("kind", REQUESTS)
async def test_a_connection_has_no_deadline_when_nothing_stands_behind_its_request(kind):
    request, count = REQUESTS[kind], 1 + (kind == "two")
    async with serve() as running:

        async def try_it(places: list[int]) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
            await send(writer, cut(request, places))
            await read_answers(reader, count)
            address = writer.get_extra_info("sockname")
            (taken,) = (c for c in running.server._connections.connections if c.peername == address)
            assert (taken._head_deadline, taken._head_bytes, taken._arriving) == (None, 0, None)
            writer.write(REQUESTS["at once"])
            await read_answers(reader, 1)
            writer.close()

        await asyncio.gather(*map(try_it, choose_cuts(request)))


async def test_a_head_has_its_time_after_the_answer_before_it_and_is_answered_when_it_ends(monkeypatch):
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.05)
    model = Held()
    async with serve({1: model}) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(REQUESTS["on a thread"] + BEGUN)
        await happens(model.entered)
        (taken,) = running.server._connections.connections
        first = taken._head_deadline
        await until(lambda: taken._head_deadline is not first)
        monkeypatch.setattr(connection, "HEAD_SECONDS", 10)
        in_five_seconds = asyncio.get_running_loop().time() + 5
        await until(lambda: taken._head_deadline.when() > in_five_seconds)
        writer.write(b"c")
        model.release.set()
        await read_answers(reader, 1)
        writer.write(b"d\r\n\r\n")
        await read_answers(reader, 1)
        writer.close()


@pytest.mark.parametrize("kind", ["at once", "without a body", "two"])
async def test_bytes_of_a_head_behind_a_request_count(kind):
    """With those that come later they are more than a head may have."""
    request, count = REQUESTS[kind], 1 + (kind == "two")
    begun = b"GET / HTTP/1.1\r\nHost: x\r\n" + (b"A: " + b"b" * 8000 + b"\r\n") * 5
    async with serve() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(request + begun)
        await read_answers(reader, count)
        (taken,) = running.server._connections.connections
        await until(lambda: taken._head_bytes == len(begun))
        writer.write((b"A: " + b"b" * 8000 + b"\r\n") * 4)
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 431 ")
        writer.close()


async def test_many_requests_in_one_go_are_no_head_that_is_too_large():
    """More than are parsed before the first of them is answered."""
    headers = b"A: " + b"b" * 1000 + b"\r\nContent-Length: %d\r\n"
    async with serve() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(ask(headers=headers) * 200)
        await read_answers(reader, 200)
        writer.close()


@pytest.mark.parametrize(
    ("data", "body_bytes", "behind"),
    [
        (b"POST / HTTP/1.1\r\n\r\nbody", 4, 0),
        (b"POST / HTTP/1.1\r\n\r\nbodyGET /", 4, 5),
        (b"\n\r\nbody", 4, 0),
        (b"\n\r\nbodyGET /", 4, 8),
        (b"dy", 4, 0),
        (b"0\r\n\r\n", 0, 0),
        (b"0\r\n\r\nGET", 0, 3),
        (b"", 0, 0),
    ],
)
def test_what_stands_behind_a_request_is_counted(data, body_bytes, behind):
    """Where the end of the head is not in the same bytes, what there is of it counts as well."""
    assert count_behind(data, body_bytes) == behind
