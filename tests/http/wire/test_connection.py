import asyncio
import gzip

import pytest
import uvloop

from scoreline.http.limits import Limits
from scoreline.http.wire import connection
from tests.http.sidecars import PROBLEM_JSON, Held, happens, serve, until

BODY = b'{"instances": [{"a": 1}]}'
LENGTH = b"Content-Length: 25\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKED_BODY = b"19\r\n%s\r\n0\r\n\r\n" % BODY


def ask(headers: bytes = LENGTH, body: bytes = BODY, line: bytes = b"POST /predict HTTP/1.1") -> bytes:
    return b"%s\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n%s" % (line, headers, body)


HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


async def converse(running, text: bytes, *, hang_up: bool = False, answered: bool = False) -> bytes:
    """Everything that comes back until the server ends the connection; if it is to be, on one that had an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    if answered:
        writer.write(HEALTH)
        await reader.readuntil(b"]}")
    writer.write(text)
    if hang_up:
        writer.write_eof()
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


@pytest.mark.parametrize("begun", [b"GET /hea", b"GET /health HTTP/1.1\r\nHost: x\r\nA: b", b"\r\n"])
async def test_a_head_that_does_not_end_in_time_is_refused(begun, monkeypatch):
    """Also when bytes keep coming: each is no reason to wait longer."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)
    async with serve() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(begun)

        async def drip() -> None:
            while True:
                await asyncio.sleep(0.01)
                writer.write(b"a" if begun.strip() else b"\r\n")

        dripping = asyncio.create_task(drip())
        answer = await asyncio.wait_for(reader.read(), 5)
        dripping.cancel()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"urn:scoreline:problem:head-too-slow" in answer
        assert [(e.route, e.status) for e in running.events] == [("unmatched", 408)]


async def test_the_deadline_of_a_head_ends_with_the_head(monkeypatch):
    """The second request on the connection has a deadline of its own, and waiting for it has none."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)
    async with serve() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        for _ in range(2):
            writer.write(b"GET /health HTTP/1.1\r\n")
            await writer.drain()
            await asyncio.sleep(0.06)
            writer.write(b"Host: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            await reader.readuntil(b"]}")
        await asyncio.sleep(0.12)
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a" * 9000 + b": x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 101 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + (b"A: " + b"b" * 8000 + b"\r\n") * 99,
        b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 100_000,
    ],
    ids=["url", "value", "name", "count", "sum", "trailers"],
)
async def test_a_head_that_is_too_large_is_answered_and_not_reset(head):
    """Although more of it was on its way than was read."""
    async with serve() as running:
        answer = await converse(running, head)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"HTTP/1.1 431 " in answer
        assert b"urn:scoreline:problem:head-too-large" in answer
        assert PROBLEM_JSON.encode() in answer
        assert (await running.get("/health")).status == 200


SMUGGLED = [
    ask(LENGTH * 2),
    ask(LENGTH + b"Content-Length: 3\r\n"),
    ask(b"Content-Length: 25, 25\r\n"),
    ask(b"Content-Length: +25\r\n"),
    ask(b"Content-Length: 0x19\r\n"),
    ask(b"Content-Length: 2_5\r\n"),
    ask(b"Content-Length : 25\r\n"),
    ask(b"Content-Length:\r\n"),
    ask(LENGTH + CHUNKED, CHUNKED_BODY),
    ask(b"Transfer-Encoding: xchunked\r\n", CHUNKED_BODY),
    ask(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKED_BODY),
    ask(b"Transfer-Encoding: chunked, chunked\r\n", CHUNKED_BODY),
    ask(b"Transfer-Encoding: chunked, identity\r\n", CHUNKED_BODY),
    ask(LENGTH + b"Transfer-Encoding: identity\r\n"),
    ask(CHUNKED + b"Transfer-Encoding: identity\r\n", CHUNKED_BODY),
    ask(CHUNKED, CHUNKED_BODY.replace(b"\r\n", b"\n")),
    ask(CHUNKED, b"19 \r\n%s\r\n0\r\n\r\n" % BODY),
    ask(CHUNKED, b"19;a\nb\r\n%s\r\n0\r\n\r\n" % BODY),
    ask(CHUNKED, b"-1\r\n\r\n"),
    ask(CHUNKED, b"ffffffffffffffff1\r\n\r\n"),
    ask().replace(b"\r\n", b"\n"),
    ask(LENGTH + b"A: b\nC: d\r\n"),
    ask(LENGTH + b"A: b\rC: d\r\n"),
    ask(LENGTH + b"A: b\r\n c\r\n"),
    ask(LENGTH + b"A B: c\r\n"),
    ask(LENGTH + b": c\r\n"),
    ask(LENGTH + b"A: b\x00c\r\n"),
    ask(LENGTH + b"Host: y\r\n"),
    ask(LENGTH + b"Content-Type: text/plain\r\n"),
    ask().replace(b"Host: x\r\n", b""),
    ask(line=b"POST /pre\x00dict HTTP/1.1"),
    ask(line=b"POST /predict HTTP/1.1 HTTP/1.1"),
    ask(line=b"POST \\predict HTTP/1.1"),
    ask(line=b"post /predict HTTP/1.1"),
]


@pytest.mark.parametrize("text", SMUGGLED, ids=range(len(SMUGGLED)))
async def test_what_two_servers_might_read_differently_is_refused(text):
    """It is one answer, a 400, and the connection ends with it: nothing that follows is taken for a request.

    So it is of what comes alone, too, be it the first on its connection or not: that might be answered at once.
    """
    async with serve() as running:
        for behind, answered in ((HEALTH, False), (b"", False), (b"", True)):
            answer = await converse(running, text + behind, answered=answered)
            assert answer.startswith(b"HTTP/1.1 400 ")
            assert answer.count(b"HTTP/1.1 ") == 1
            assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET //health HTTP/1.1", 404),
        (b"GET //evil.example/health HTTP/1.1", 404),
        (b"GET /x/../health HTTP/1.1", 404),
        (b"GET /%68ealth HTTP/1.1", 404),
        (b"GET /models/../stats HTTP/1.1", 404),
        (b"GET /models/%2e%2e HTTP/1.1", 404),
        (b"GET /models/%00 HTTP/1.1", 404),
        (b"GET /models/%ff HTTP/1.1", 404),
        (b"GET /models/% HTTP/1.1", 404),
        (b"GET /models/1%0d%0aSet-Cookie:x HTTP/1.1", 404),
        (b"GET /health;x HTTP/1.1", 404),
        (b"CONNECT x:80 HTTP/1.1", 404),
        (b"OPTIONS * HTTP/1.1", 404),
        (b"TRACE /health HTTP/1.1", 405),
        (b"GET http://evil.example/health HTTP/1.1", 200),
        (b"GET http://[::1/health HTTP/1.1", 400),
        (b"GET http://x:99999999/health HTTP/1.1", 400),
        (b"GET /health?%ff=%00 HTTP/1.1", 400),
        (b"GET /health HTTP/1.0", 200),
    ],
)
async def test_a_target_is_what_it_says_or_nothing(line, status):
    """A path is compared as it was sent; whom an absolute target names is of no importance."""
    async with serve() as running:
        answer = await converse(running, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert b"Set-Cookie" not in answer


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c", b"TLS/1.0"])
async def test_no_upgrade_is_accepted(upgrade):
    """The request is answered as if none had been asked for, and the connection ends with it."""
    async with serve() as running:
        first = ask(LENGTH + b"Upgrade: %s\r\nConnection: Upgrade\r\n" % upgrade)
        answer = await converse(running, first + ask())
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"Connection: close" in answer
        assert [e.status for e in running.events] == [200]


async def test_chunks_of_a_caller_that_cannot_know_them_end_its_connection():
    """What stands before this server may have taken them for the next request."""
    async with serve() as running:
        first = ask(CHUNKED + b"Connection: keep-alive\r\n", CHUNKED_BODY, b"POST /predict HTTP/1.0")
        for behind, answered in ((ask(), False), (b"", False), (b"", True)):
            answer = await converse(running, first + behind, answered=answered)
            assert answer.count(b"HTTP/1.1 ") == 1
            assert b"Connection: close" in answer


async def test_an_answer_to_head_has_no_body():
    async with serve() as running:
        answer = await converse(running, b"HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("line", [b"POST /predict HTTP/1.1", b"POST /predict HTTP/1.0"])
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_caller_that_sends_no_more_gets_all_its_answers(line, loop):
    """It has closed its half of the connection while the model is at work, and asked for more meanwhile."""

    async def try_it() -> None:
        model = Held()
        async with serve({1: model}) as running:
            rows = b'{"instances": [%s]}' % b",".join([b'{"a": 2}'] * 50)
            keep = b"Connection: keep-alive\r\n"
            first = ask(keep + b"Content-Length: %d\r\n" % len(rows), rows, line)
            answering = asyncio.create_task(converse(running, first + ask(keep + LENGTH, line=line), hang_up=True))
            await happens(model.entered)
            await asyncio.sleep(0.1)  # long enough for some of the interim answers
            model.release.set()
            answer = await answering
            assert answer.count(b"HTTP/1.1 200 OK") == 2
            assert (b"HTTP/1.1 100 " in answer) == line.endswith(b"1.1")
            assert [e.status for e in running.events] == [200, 200]
            await until(lambda: not running.server._connections.connections)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(try_it())


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_caller_that_is_gone_is_told_from_one_that_only_sends_no_more(loop):
    async def try_it() -> None:
        model = Held()
        async with serve({1: model}) as running:
            rows = b'{"instances": [%s]}' % b",".join([b"{}"] * 50)
            _, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
            writer.write(ask(b"Content-Length: %d\r\n" % len(rows), rows))
            await happens(model.entered)
            writer.close()
            await until(lambda: [e.status for e in running.events] == [499])
            model.release.set()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(try_it())


async def test_an_unfinished_body_ends_with_its_connection():
    async with serve() as running:
        assert await converse(running, ask(LENGTH, b'{"inst'), hang_up=True) == b""
        assert [e.status for e in running.events] == [499]


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        (b"gzip", gzip.compress(BODY), 200),
        (b"gzip", gzip.compress(BODY[:9]) + gzip.compress(BODY[9:]), 200),
        (b"gzip", gzip.compress(BODY)[:-8] + bytes(8), 400),
        (b"gzip", gzip.compress(BODY) + b"more", 400),
        (b"gzip", gzip.compress(BODY)[:20], 400),
        (b"gzip", gzip.compress(BODY)[:-8], 400),
        (b"gzip", b"\x1f\x8b", 400),
        (b"deflate", gzip.compress(BODY), 400),
    ],
    ids=["whole", "in two members", "wrong sum", "more after it", "cut", "no trailer", "head alone", "other encoding"],
)
async def test_a_compressed_body_is_whole_or_refused(encoding, body, status):
    async with serve(limits=Limits(timeout_seconds=0.5)) as running:
        headers = b"Connection: close\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n" % (encoding, len(body))
        assert (await converse(running, ask(headers, body))).startswith(b"HTTP/1.1 %d " % status)
