import asyncio

import pytest

from tests.http.sidecars import Held, Running, happens, serve, until

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SLOW = [b"GET /hea", HEAD + b"X-Slow: ", HEAD + b"Content-Length: 50000\r\n\r\n{"]
"""A request line, a header and a body, none of them whole."""


async def connect(running: Running, text: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    writer.write(text)
    return reader, writer


def is_ended(reader: asyncio.StreamReader) -> bool:
    return reader.at_eof() or reader.exception() is not None


@pytest.mark.parametrize("begun", SLOW, ids=["line", "header", "body"])
async def test_who_has_waited_longest_for_its_caller_makes_room(begun):
    """The newcomer is answered."""
    async with serve(most_connections=8) as running:
        slow = []
        for count in range(1, 9):
            slow.append(await connect(running, begun))
            await until(lambda expected=count: running.connections == expected)
        await until(lambda: running.sidecar.in_flight == (8 if begun.endswith(b"{") else 0))
        newcomer, writer = await connect(running, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await newcomer.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        await until(lambda: is_ended(slow[0][0]))
        assert [is_ended(reader) for reader, _ in slow] == [True] + [False] * 7
        await until(lambda: running.connections == 8)
        for _, end in [*slow, (newcomer, writer)]:
            end.close()


async def test_a_request_that_is_worked_on_is_never_given_up_nor_an_upload_for_callers_that_ask_for_nothing():
    model = Held()
    async with serve({1: model}, most_connections=8) as running:
        rows = b'{"instances": [%s]}' % b",".join([b'{"a": 1}'] * 50)
        worked_on, one = await connect(running, HEAD + b"Content-Length: %d\r\n\r\n" % len(rows) + rows)
        await happens(model.entered)
        arriving, two = await connect(running, HEAD + b'Content-Length: 25\r\n\r\n{"instances": ')
        await until(lambda: running.sidecar.in_flight == 2)
        idle = [await connect(running) for _ in range(50)]
        await until(lambda: running.connections == 8)
        two.write(b'[{"a": 1}]}')
        assert (await arriving.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        model.release.set()
        assert (await worked_on.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        for end in (one, two, *(writer for _, writer in idle)):
            end.close()
