import asyncio
import time

import pytest

from scoreline.http.limits import Limits
from tests.http.sidecars import Held, Running, happens, serve, until

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SLOW = [b"GET /hea", HEAD + b"X-Slow: ", HEAD + b"Content-Length: 50000\r\n\r\n{"]
"""A request line, a header and a body, none of them whole."""


async def connect(running: Running, text: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    writer.write(text)
    return reader, writer


async def is_ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), 0.05) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


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
        assert [await is_ended(reader) for reader, _ in slow] == [True] + [False] * 7
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


@pytest.mark.slow
@pytest.mark.parametrize("begun", SLOW, ids=["line", "header", "body"])
async def test_a_thousand_callers_that_send_a_byte_a_second_stop_nobody(begun):
    """Health and predictions are answered as quickly as ever, on new connections."""
    async with serve(limits=Limits(timeout_seconds=30)) as running:
        writers = [(await asyncio.open_connection("127.0.0.1", running.server.port))[1] for _ in range(1000)]

        async def drip() -> None:
            for text in (begun, b"a", b"b", b"c"):
                for writer in writers:
                    writer.write(text)
                await asyncio.sleep(1)

        dripping = asyncio.create_task(drip())
        took = []
        while not dripping.done():
            began = time.perf_counter()
            assert (await running.get("/health", headers={"Connection": "close"})).status == 200
            assert (await running.predict([{"a": 1}], headers={"Connection": "close"})).status == 200
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.01)
        assert len(running.server._connections.connections) >= 1000
        assert sorted(took)[len(took) // 2] < 0.05
        assert max(took) < 1
        for writer in writers:
            writer.transport.abort()
