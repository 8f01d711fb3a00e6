import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scoreline.errors import ConfigError, Refused
from scoreline.http.limits import Limits
from scoreline.http.server import Address, HttpServer
from scoreline.http.wire import response
from tests.http.sidecars import PROBLEM_JSON, Held, happens, serve, until

TLS = Path(__file__).parents[1] / "data" / "tls"
BODY = b'{"instances": [{"a": 1}]}'
REQUEST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 25\r\n%s\r\n" + BODY


async def read_answers(running, text: bytes) -> bytes:
    """Everything that comes back until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    writer.write(text)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


GARBAGE = [
    b"garbage\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
async def test_what_is_no_http_is_a_400_without_a_stack_trace(garbage, caplog):
    """The connection ends, others go on, and nothing of what was sent is in the log."""
    async with serve() as running:
        answer = await read_answers(running, garbage)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert PROBLEM_JSON.encode() in answer
        assert b"X-Request-Id: " in answer
        assert (await running.get("/health")).status == 200
        assert next((e.route, e.method, e.status) for e in running.events) == ("unmatched", "OTHER", 400)
    assert "Traceback" not in caplog.text
    assert "garbage" not in caplog.text


async def test_a_chunk_that_is_none_is_malformed():
    async with serve() as running:
        head = (
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        assert (await read_answers(running, head + b"zz\r\n")).startswith(b"HTTP/1.1 400 ")


PIECES = st.lists(
    st.sampled_from(
        [
            b"POST /predict HTTP/1.1\r\n",
            b"GET /health HTTP/1.0\r\n",
            b"GET /health/ready?role=%zz HTTP/1.1\r\n",
            b"CONNECT a:80 HTTP/1.1\r\n",
            b"GET http://[::1/ HTTP/1.1\r\n",
            b"GET //x/../%2e?a=%ff&&=&a HTTP/1.1\r\n",
            b"Host: x\r\n",
            b"Content-Type: application/json; charset=\xff\r\n",
            b"Content-Type: application/json\r\n",
            b"Content-Length: 25\r\n",
            b"Content-Length: 99999999999999999999\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Content-Encoding: br\r\n",
            b"Content-Encoding: gzip\r\n",
            b"Expect: 100-continue\r\n",
            b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
            b"Authorization: \xff\r\n",
            b"X-Request-Id: \xff\r\n",
            b"\r\n",
            b"0\r\n\r\n",
            b"5\r\n{\r\n",
            BODY,
            b"\x00\xff",
        ]
    )
    | st.binary(max_size=20),
    max_size=10,
)


@pytest.mark.slow
async def test_no_bytes_make_a_server_error():
    """Whatever arrives, each answer is below 500, and the next caller is served."""
    async with serve(limits=Limits(timeout_seconds=0.01)) as running:
        loop = asyncio.get_running_loop()

        async def try_all() -> list[list[bytes]]:
            tried: list[list[bytes]] = []

            @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
            @given(PIECES)
            def collect(pieces: list[bytes]) -> None:
                tried.append(pieces)

            await loop.run_in_executor(None, collect)
            return tried

        async def send(pieces: list[bytes]) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
            writer.write(b"".join(pieces))
            writer.write_eof()
            answers = await reader.read()
            writer.close()
            assert b"HTTP/1.1 5" not in answers, pieces

        await asyncio.gather(*(send(pieces) for pieces in await try_all()))
        assert (await running.predict([{"a": 1}])).status == 200
        assert [e for e in running.events if e.status >= 500] == []
        assert running.sidecar.in_flight == 0


async def test_requests_in_one_go_are_answered_in_their_order():
    async with serve() as running:
        text = b"".join(REQUEST % (b"X-Request-Id: r%d\r\n" % i) for i in range(3)) + REQUEST % b"Connection: close\r\n"
        answers = await read_answers(running, text)
        assert answers.count(b"HTTP/1.1 200 OK") == 4
        assert [answers.index(b"X-Request-Id: r%d\r\n" % i) for i in range(3)] == sorted(
            answers.index(b"X-Request-Id: r%d\r\n" % i) for i in range(3)
        )


@pytest.mark.parametrize(
    ("line", "header", "connection"),
    [
        (b"HTTP/1.1", b"", b"keep-alive"),
        (b"HTTP/1.1", b"Connection: close\r\n", b"close"),
        (b"HTTP/1.0", b"", b"close"),
        (b"HTTP/1.0", b"Connection: keep-alive\r\n", b"keep-alive"),
    ],
)
async def test_a_connection_is_kept_as_the_caller_wishes(line, header, connection):
    async with serve() as running:
        head = await running.say(b"GET /health " + line + b"\r\nHost: x\r\n" + header + b"\r\n")
        assert b"\r\nConnection: " + connection + b"\r\n" in head


async def test_answers_have_the_headers_that_browsers_and_caches_need():
    async with serve() as running:
        headers = (await running.get("/health")).headers
        assert headers["Server"] == "scoreline"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Date"].endswith(" GMT")


async def test_a_stop_finishes_what_is_being_answered():
    """New callers are turned away at once, the one in hand gets its answer, and its connection ends."""
    model = Held()
    async with serve({1: model}) as running:
        answer = asyncio.create_task(running.predict([{"a": 1}] * 50))
        await happens(model.entered)
        stop = asyncio.create_task(running.server.stop(10))
        await asyncio.sleep(0)
        assert not running.server.check().ready
        with pytest.raises(aiohttp.ClientConnectionError):
            async with aiohttp.ClientSession() as other:
                await other.get(f"{running.server.url}/health")
        assert not stop.done()
        model.release.set()
        answered = await answer
        assert (answered.status, answered.headers["Connection"]) == (200, "close")
        await stop
        assert [e.status for e in running.recorder.events] == [200]


async def test_a_stop_keeps_its_deadline():
    """What does not end in time is given up, and counted as such."""
    model = Held()
    async with serve({1: model}) as running:
        answer = asyncio.create_task(running.predict([{"a": 1}] * 50))
        await happens(model.entered)
        async with asyncio.timeout(2):
            await running.server.stop(0.02)
        with pytest.raises(aiohttp.ClientConnectionError):
            await answer
        assert [e.status for e in running.recorder.events] == [499]
        model.release.set()


async def test_a_server_may_be_stopped_twice():
    async with serve() as running:
        await running.server.stop(1)
        await running.server.stop(1)


async def test_an_address_that_is_taken_is_a_configuration_error():
    async with serve() as running:
        again = HttpServer(running.sidecar, Address("127.0.0.1", running.server.port))
        with pytest.raises(Refused, match=f"cannot listen on 127.0.0.1:{running.server.port}"):
            await again.start()


async def test_it_serves_over_tls():
    """With a certificate and key as files; plain HTTP on that port is refused."""
    address = Address("127.0.0.1", 0, TLS / "certificate.pem", TLS / "key.pem")
    async with serve(address=address) as running:
        assert running.server.url.startswith("https://")
        trust = ssl.create_default_context(cafile=str(TLS / "certificate.pem"))
        answer = await running.ask("POST", "/predict", json={"instances": [{"a": 2, "b": 0}]}, ssl=trust)
        assert answer.json["predictions"] == [2.0]
        await running.session.close()


async def test_a_certificate_that_cannot_be_used_is_a_configuration_error(tmp_path):
    """Named by its path, without a word of the key."""
    for certificate in (tmp_path / "absent.pem", Path(__file__)):
        with pytest.raises(ConfigError, match="cannot be used"):
            async with serve(address=Address("127.0.0.1", 0, certificate, TLS / "key.pem")):
                pass


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:8080"), ("::1", "http://[::1]:8080"), ("::", "http://[::1]:8080")],  # noqa: S104 - not bound
)
async def test_the_url_is_one_that_this_machine_can_reach(host, url):
    async with serve() as running:
        assert HttpServer(running.sidecar, Address(host, 8080)).url == url


async def test_a_caller_that_does_not_read_is_given_up(monkeypatch):
    """Its answer would hold memory for ever."""
    monkeypatch.setattr(response, "WRITE_SECONDS", 0.05)
    async with serve(stats={"text": "x" * 20_000_000}) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port, limit=1024)
        writer.write(b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: len(running.events) == 1)
        await until(lambda: not running.server._connections.connections)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(20_000_000)
        writer.close()


async def test_a_caller_that_asks_on_and_on_without_reading_is_given_up(monkeypatch):
    """Each answer is small, but together they would fill the memory."""
    monkeypatch.setattr(response, "WRITE_SECONDS", 0.05)
    async with serve(stats={"text": "x" * 30_000}) as running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.server.port, limit=1024)
        writer.write(b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
        await until(lambda: len(running.events) > 0)
        await until(lambda: not running.server._connections.connections)
        assert len(running.events) < 2000
        writer.transport.abort()


async def test_a_caller_that_reads_late_gets_every_answer():
    async with serve(stats={"text": "x" * 30_000}) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port, limit=1024)
        ask = b"GET /stats HTTP/1.1\r\nHost: x\r\n%s\r\n"
        writer.write(ask % b"" * 500 + ask % b"Connection: close\r\n")
        connections = running.server._connections.connections
        await until(lambda: any(protocol.writing_paused for protocol in connections))
        assert len(running.events) < 501
        assert (await asyncio.wait_for(reader.read(), 5)).count(b"HTTP/1.1 200 OK") == 501
        writer.close()


async def test_a_large_answer_comes_whole():
    """Beyond what a socket's buffer takes at once."""
    async with serve(limits=Limits(max_instances=50_000)) as running:
        answer = await running.predict([{"a": i} for i in range(30_000)])
        assert answer.json["predictions"] == [float(i) for i in range(30_000)]
        assert len(answer.body) > 128 * 1024
