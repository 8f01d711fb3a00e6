"""Connections of both clients: kept, renewed, encrypted, cut."""

import asyncio
import select
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from scoreline.client import AsyncClient, Client
from scoreline.client.connections import has_something
from scoreline.client.errors import NotSent, Unreachable, Untrusted
from tests.client.jobs import tell_job
from tests.client.scripted import answering, cutting, refusing, scripted, write_answer

TLS = Path(__file__).parents[1] / "data" / "tls"
ANSWER = {"predictions": [0.5], "model": "m", "version": 3, "latency_ms": 0.25}
HEALTH = {"status": "ready", "components": [{"name": "http", "state": "ready"}]}


def test_a_connection_is_kept_over_answers_good_and_bad(connect):
    steps = answering(200, ANSWER), refusing(503, Retry_After="0"), answering(200, ANSWER), answering(200, HEALTH)
    with scripted(*steps) as server:
        client = connect(server.url)
        client.predict([{}])
        client.predict([{}])
        assert client.health().ready
        assert [asked.connection for asked in server.asked] == [0, 0, 0, 0]


def test_a_connection_that_the_server_has_closed_meanwhile_costs_no_attempt(connect):
    def once(turn):
        turn.take()
        turn.send(write_answer(200, ANSWER))
        turn.cut()

    with scripted(once, once, cutting, answering(200, ANSWER)) as server:
        client = connect(server.url)
        client.predict([{}])
        client.predict([{}])
        assert connect.watch.slept == []
        assert client.predict([{}]).version == 3
        assert [asked.connection for asked in server.asked] == [0, 1, 2, 3]


def test_what_nobody_asked_for_is_not_taken_for_the_next_answer(connect):
    sent = threading.Event()

    def babble(turn):
        turn.take()
        turn.send(write_answer(200, ANSWER))
        turn.send(write_answer(408, b""))
        sent.set()

    with scripted(babble, answering(200, ANSWER | {"version": 4})) as server:
        client = connect(server.url)
        assert client.predict([{}]).version == 3
        assert sent.wait(5)
        assert client.predict([{}]).version == 4


def test_a_system_without_poll_will_do(connect, monkeypatch):
    """Windows has none, and libraries of green threads take it away."""
    monkeypatch.delattr(select, "poll")
    once = threading.Event()

    def close(turn):
        turn.take()
        turn.send(write_answer(200, HEALTH))
        turn.cut()
        once.set()

    with scripted(answering(200, ANSWER), close, answering(202, tell_job()), answering(200, ANSWER)) as server:
        client = connect(server.url)
        client.predict([{}])
        client.health()
        assert once.wait(5)
        assert client.submit([{"a": 1}]).job_id == "j-1"
        client.predict([{}])
        assert [asked.connection for asked in server.asked] == [0, 0, 1, 1]


def test_a_socket_that_was_closed_has_its_end_to_tell():
    ours, theirs = socket.socketpair()
    with theirs:
        assert not has_something(ours)
        ours.close()
        assert has_something(ours)


def test_an_order_gets_a_new_connection(connect):
    """On one that has lain idle it might be lost, and must not be sent again."""
    with scripted(answering(200, HEALTH), answering(200, b"{}")) as server:
        client = connect(server.url)
        client.health()
        client.resume_stream()
        assert [asked.connection for asked in server.asked] == [0, 1]


@pytest.mark.parametrize("framing", ["length", "chunks", "end"])
def test_a_body_is_read_however_it_is_framed(connect, framing):
    body = write_answer(200, ANSWER).partition(b"\r\n\r\n")[2]

    def step(turn):
        turn.take()
        if framing == "length":
            turn.send(b"HTTP/1.1 100 Continue\r\n\r\n" + write_answer(200, ANSWER))
        elif framing == "chunks":
            turn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n" + body[:5] + b"\r\n")
            turn.send(b"%x\r\n%b\r\n0\r\nA-Trailer: x\r\n\r\n" % (len(body) - 5, body[5:]))
        else:
            turn.send(b"HTTP/1.1 200 OK\r\n\r\n" + body)
            turn.cut()

    with scripted(step) as server:
        assert connect(server.url).predict([{}]).predictions == (0.5,)


@pytest.mark.parametrize("head", [b"Content-Length: 1000", b"Transfer-Encoding: chunked"])
def test_half_an_answer_is_none(connect, head):
    def half(turn):
        turn.take()
        turn.send(b"HTTP/1.1 200 OK\r\n" + head + b'\r\n\r\n2\r\n{"')
        turn.cut()

    with scripted(half, answering(200, ANSWER)) as server:
        assert connect(server.url).predict([{}]).predictions == (0.5,)
        assert len(server.asked) == 2


@pytest.fixture
def tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
    return context


def test_a_server_is_trusted_by_the_file_of_its_authority(connect, tls):
    with scripted(answering(200, ANSWER), answering(200, ANSWER), tls=tls) as server:
        client = connect(server.url, ca_file=TLS / "certificate.pem")
        assert client.predict([{}]).version == client.predict([{}]).version == 3
        assert [asked.connection for asked in server.asked] == [0, 0]


def test_a_server_that_nobody_vouches_for_is_told_nothing(connect, tls):
    with scripted(answering(200, ANSWER), tls=tls) as server, pytest.raises(Untrusted, match="ca_file"):
        connect(server.url, token="t").predict([{}])

    assert server.asked == []
    assert connect.watch.slept == []


@pytest.mark.parametrize("make", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("ftp://h", {}), ("h:8080", {}), ("http://", {}), ("http://h:port", {}), ("http://h?x=1", {}),
        ("http://u:secret@h", {}), ("http://h/a b", {}), ("http://h", {"ca_file": "x.pem"}),
        ("https://h", {"ca_file": "/nowhere/x.pem"}), ("http://h", {"token": "secret\r\nX: y"}),
        ("http://h", {"token": ""}), ("http://h", {"token": "secret", "token_file": "f"}),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_at_once_without_a_secret(make, url, options):
    with pytest.raises(NotSent) as caught:
        make(url, **options)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_a_token_is_never_shown(make):
    client = make("http://h:1/x", token="s3cret")

    assert repr(client) == f"{make.__name__}('http://h:1/x')"
    request = next(client._calls.health()).request
    assert request.headers["Authorization"] == b"Bearer s3cret"
    assert "s3cret" not in repr(request)


def test_a_token_that_is_renewed_in_its_file_is_the_one_that_is_shown(connect, tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    with scripted(answering(200, ANSWER), answering(200, ANSWER)) as server:
        client = connect(server.url, token_file=file)
        client.predict([{}])
        file.write_text("second\n")
        client.predict([{}])
        file.unlink()
        with pytest.raises(NotSent, match="the token cannot be read"):
            client.predict([{}])

    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer first", "Bearer second"]


def test_threads_may_share_a_client():
    with scripted(*[answering(200, ANSWER)] * 40) as server, Client(server.url) as client:
        found = []
        threads = [
            threading.Thread(target=lambda: found.extend(client.predict([{}]).version for _ in range(10)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert found == [3] * 40


async def test_a_cancelled_call_ends_with_its_connection():
    """Whoever serves it sees that nobody waits any more."""
    came, gone = threading.Event(), threading.Event()

    def hold(turn):
        turn.take()
        came.set()
        if turn.read_line() == b"":
            gone.set()

    with scripted(hold) as server:
        async with AsyncClient(server.url) as client:
            call = asyncio.ensure_future(client.predict([{}]))
            assert await asyncio.to_thread(came.wait, 5)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(gone.wait, 5)


async def test_many_calls_of_one_client_run_beside_each_other():
    together = threading.Barrier(8)

    def meet(turn):
        turn.take()
        together.wait(5)
        turn.send(write_answer(200, ANSWER))

    with scripted(*[meet] * 8) as server:
        async with AsyncClient(server.url) as client:
            found = await asyncio.gather(*(client.predict([{}]) for _ in range(8)))

    assert [each.version for each in found] == [3] * 8


async def test_a_time_out_of_the_callers_own_ends_a_call():
    with scripted(lambda turn: (turn.take(), turn.read_line())) as server:
        async with AsyncClient(server.url) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await client.predict([{}])


def test_an_answer_that_drips_does_not_outlast_the_deadline(connect):
    def drip(turn):
        turn.take()
        turn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            turn.send(b" ")
            threading.Event().wait(0.01)

    with scripted(drip) as server, pytest.raises(Unreachable):
        connect(server.url, timeout_seconds=0.1, clock=time.monotonic).predict([{}])
