import asyncio
import threading

import pytest

from scoreline.errors import Overloaded
from scoreline.http.limits import BodyReader, Limits
from scoreline.http.predict.predictor import INLINE_VALUES
from tests.http.sidecars import Held, happens, serve, until

HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
SMALL = Limits(max_body_bytes=100)


async def chunks(count: int, size: int):
    for _ in range(count):
        yield b" " * size


@pytest.mark.slow
async def test_a_body_that_is_announced_too_large_is_refused_unread():
    """The answer comes although nothing of the body was sent, and ends the connection."""
    async with serve(limits=SMALL) as running:
        answer = await running.say(HEAD + b"Content-Length: 101\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"Connection: close" in answer


async def test_a_body_is_cut_off_where_it_grows_too_large():
    """Without an announced length it is counted while it arrives."""
    async with serve(limits=SMALL) as running:
        answer = await running.predict_bytes(chunks(5, 30))
        assert (answer.status, answer.json["type"]) == (413, "urn:scoreline:problem:too-large")


async def test_a_body_just_within_the_limit_is_taken():
    body = b'{"instances": [{"a": 1}]}'
    async with serve(limits=Limits(max_body_bytes=len(body))) as running:
        assert (await running.predict_bytes(body)).status == 200
        assert (await running.predict_bytes(body + b" ")).status == 413


async def test_a_compressed_body_counts_as_what_it_becomes():
    import gzip

    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with serve(limits=Limits(max_body_bytes=1000)) as running:
        good = gzip.compress(b'{"instances": [{"a": 1, "b": 0}]}')
        answer = await running.ask("POST", "/predict", data=good, headers=headers)
        assert answer.json["predictions"] == [1.0]
        bomb = gzip.compress(b" " * 1_000_000)
        assert len(bomb) < 2000
        assert (await running.ask("POST", "/predict", data=bomb, headers=headers)).status == 413


async def test_compressed_bodies_may_follow_one_another_on_a_connection():
    import gzip

    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with serve() as running:
        for i in range(4):
            body = gzip.compress(b'{"instances": [{"a": %d, "b": 0}]}' % i)
            answer = await running.ask("POST", "/predict", data=body, headers=headers)
            assert answer.json["predictions"] == [float(i)]
        assert len(running.server._connections.connections) == 1


@pytest.mark.parametrize(("size", "connection"), [(20, "keep-alive"), (1_000_000, "close")])
async def test_a_body_that_is_not_what_its_encoding_says_is_malformed(size, connection, caplog):
    """The connection ends where the body has not, others go on, and the log has no stack trace of it."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with serve() as running:
        answer = await running.ask("POST", "/predict", data=b"x" * size, headers=headers)
        assert (answer.status, answer.headers["Connection"]) == (400, connection)
        if connection == "close":
            await until(lambda: not running.server._connections.connections)
        assert (await running.predict([{"a": 1}])).status == 200
    assert [r for r in caplog.records if r.exc_info] == []


@pytest.mark.slow
async def test_a_refused_body_that_breaks_while_it_is_dropped_is_not_logged(caplog):
    async with serve() as running:
        head = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(head)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
        writer.write(b"5\r\nhel")
        await writer.drain()
        writer.transport.abort()
        await until(lambda: not running.server._connections.connections)
    assert [r for r in caplog.records if r.exc_info] == []


@pytest.mark.parametrize(
    ("encoding", "status"),
    [(b"foo", 415), (b"br", 415), (b"zstd", 415), (b"gzip, gzip", 415), (b"", 415), (b"Identity", 200)],
)
async def test_an_encoding_that_is_not_undone_here_is_refused(encoding, status):
    body = b'{"instances": [{"a": 1}]}'
    async with serve() as running:
        head = HEAD + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding, len(body))
        answer = await running.say(head + body)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert (b"Accept-Encoding: gzip, deflate\r\n" in answer) == (status == 415)


async def test_too_many_instances_are_refused():
    async with serve(limits=Limits(max_instances=3)) as running:
        assert (await running.predict([{}] * 3)).status == 200
        answer = await running.predict([{}] * 4)
        assert (answer.status, answer.json["detail"]) == (
            413,
            "the request has more than the 3 instances that are allowed",
        )


@pytest.mark.parametrize("row", [b"1", b"[]", b"null", b'"{"', b"{}"])
async def test_rows_that_are_no_objects_count_as_well(row):
    async with serve(limits=Limits(max_instances=3)) as running:
        assert (await running.predict_bytes(b'{"instances": [%s]}' % b",".join([row] * 4))).status == 413


async def test_many_rows_that_are_no_objects_do_not_hold_up_the_loop():
    """They are told apart on a thread, though there are no braces to count, and the body is short."""
    async with serve() as running:
        assert (await running.predict_bytes(b'{"instances": [1%s]}' % (b",1" * INLINE_VALUES + b",1"))).status == 422
        assert running.threads > 0


async def test_a_short_request_of_few_rows_needs_no_thread():
    async with serve() as running:
        assert (await running.predict([{"a": 1}] * 16)).status == 200
        assert (await running.predict([1] * 16)).status == 422
        assert running.threads == 0


@pytest.mark.slow
async def test_a_body_that_does_not_end_in_time_is_given_up():
    """It is the caller's doing, so it is no 5xx."""
    async with serve(limits=Limits(timeout_seconds=0.05)) as running:
        answer = await running.say(HEAD + b'Content-Length: 50\r\n\r\n{"inst')
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert [e.status for e in running.events] == [408]


async def test_a_body_that_breaks_off_is_no_server_error():
    """Whoever hangs up in the middle of a body is counted as gone."""
    async with serve() as running:
        await running.hang_up_after(HEAD + b'Content-Length: 50\r\n\r\n{"inst')
        assert [e.status for e in running.events] == [499]
        assert running.sidecar.in_flight == 0


async def test_slow_bodies_do_not_count_as_concurrent_work():
    """More callers than are allowed at once dawdle; others are answered all the same."""
    async with serve(limits=Limits(max_concurrency=2)) as running:
        slow = [asyncio.create_task(running.say(HEAD + b'Content-Length: 50\r\n\r\n{"i')) for _ in range(5)]
        await until(lambda: running.sidecar.in_flight == len(slow))
        assert (await running.predict([{"a": 1}])).status == 200
        for task in slow:
            task.cancel()


async def test_over_the_concurrency_limit_callers_are_told_to_come_back():
    """429 with Retry-After, while health and metrics are served as ever."""
    model = Held()
    async with serve({1: model}, limits=Limits(max_concurrency=1)) as running:
        first = asyncio.create_task(running.predict([{"a": 1}] * 50))
        await happens(model.entered)
        refused = await running.predict([{"a": 1}])
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        assert refused.json["type"] == "urn:scoreline:problem:overloaded"
        assert (await running.get("/health")).status == 200
        assert (await running.get("/metrics")).status == 200
        model.release.set()
        assert (await first).status == 200
        assert (await running.predict([{"a": 1}])).status == 200


async def test_under_load_as_many_are_answered_as_there_is_room_for_and_the_rest_at_once():
    """Forty callers, room for eight, and three of these hang up; whoever asks for health or metrics notices nothing."""
    model, many = Held(), [{"a": 1}] * 50
    async with serve({1: model}, limits=Limits(max_concurrency=8)) as running:
        calls = [asyncio.create_task(running.predict(many)) for _ in range(8)]
        await happens(model.entered)
        await until(lambda: running.pending == 8)
        refused = await asyncio.gather(*(running.predict(many[: 1 + n % 2]) for n in range(32)))
        assert {(a.status, a.headers["Retry-After"]) for a in refused} == {(429, "1")}
        assert {(await running.get(path)).status for path in ("/health", "/metrics", "/stats") * 3} == {200}
        for gone in calls[5:]:
            gone.cancel()
        await until(lambda: running.sidecar.in_flight == 5)
        model.release.set()
        assert {(await call).status for call in calls[:5]} == {200}
        await until(lambda: running.pending == 0)
        assert model.calls == 5
        assert sorted(e.status for e in running.events if e.route == "/predict") == [200] * 5 + [429] * 32 + [499] * 3


async def test_an_answer_that_takes_too_long_is_given_up():
    """The place stays taken until the thread is done with what nobody waits for."""
    model = Held()
    limits = Limits(timeout_seconds=0.05, max_concurrency=1)
    async with serve({1: model}, limits=limits) as running:
        late = await running.predict([{"a": 1}] * 50)
        assert (late.status, late.json["type"]) == (503, "urn:scoreline:problem:deadline-exceeded")
        assert late.headers["Retry-After"] == "1"
        assert (await running.predict([{"a": 1}])).status == 429
        model.release.set()
        await until(lambda: running.pending == 0)
        assert (await running.predict([{"a": 1}])).status == 200


async def test_what_an_abandoned_request_waited_for_is_not_done():
    """The caller hangs up before its turn comes: its rows are never scored, and it is counted as gone."""
    model = Held()
    async with serve({1: model}) as running:
        first = asyncio.create_task(running.predict([{"a": 1}] * 50))
        await happens(model.entered)
        body = b'{"instances": [%s]}' % b",".join([b"{}"] * 50)
        ask = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
        await running.hang_up_after(ask)
        assert [e.status for e in running.events] == [499]
        model.release.set()
        assert (await first).status == 200
        assert (await running.predict([{"a": 1}] * 50)).status == 200
        assert model.calls == 2


@pytest.mark.parametrize(
    ("expectation", "first"),
    [(b"100-continue", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "), (b"x", b"HTTP/1.1 417 ")],
)
async def test_a_caller_that_asks_before_it_sends_is_answered(expectation, first):
    """As curl does with larger bodies."""
    body = b'{"instances": [{"a": 1}]}'
    async with serve() as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(HEAD + b"Connection: close\r\nExpect: %s\r\nContent-Length: %d\r\n\r\n" % (expectation, len(body)))
        begin = await reader.read(12)
        writer.write(body)
        assert (begin + await reader.read()).startswith(first)
        writer.close()


@pytest.mark.parametrize("query", [b"", b"?version=1"], ids=["at once", "not at once"])
async def test_an_expectation_that_nobody_meets_is_refused_also_where_the_body_is_there_already(query):
    """However it comes in packets."""
    body = b'{"instances": [{"a": 1}]}'
    async with serve() as running:
        for expectation, status in ((b"x", b"417"), (b"100-Continue", b"200")):
            head = HEAD.replace(b"/predict", b"/predict" + query)
            head += b"Expect: %s\r\nContent-Length: %d\r\n\r\n" % (expectation, len(body))
            assert (await running.say(head + body)).startswith(b"HTTP/1.1 " + status)


class Arriving:
    """A request whose body comes in the given chunks; after the last one it waits for good."""

    content_length = None

    def __init__(self, *chunks: bytes):
        self.headers: dict[str, str] = {}
        self.content = self
        self.chunks = list(chunks)
        self.drained = asyncio.Event()

    def is_eof(self) -> bool:
        return False

    async def readany(self) -> bytes:
        if self.chunks:
            return self.chunks.pop(0)
        self.drained.set()
        await asyncio.Event().wait()
        return b""


LARGE = Limits(max_body_bytes=1_000_000)
HALF = b" " * 500_000


async def test_large_bodies_share_a_budget_until_they_are_answered():
    """Each is within its limit, but not all of them together; small ones are read all the same."""
    reader = BodyReader(LARGE)
    answered = asyncio.Event()

    async def ask(request: Arriving) -> None:
        await reader.read(request)
        await answered.wait()

    arriving = [Arriving(HALF, HALF, b"") for _ in range(4)] + [Arriving(HALF, HALF) for _ in range(4)]
    tasks = [asyncio.create_task(ask(request)) for request in arriving]
    for request in arriving[4:]:
        await request.drained.wait()
    with pytest.raises(Overloaded):
        await asyncio.create_task(reader.read(Arriving(HALF, HALF, HALF)))
    assert await asyncio.create_task(reader.read(Arriving(b" " * 50_000, b""))) == b" " * 50_000
    with pytest.raises(Overloaded):
        await asyncio.create_task(reader.read(Arriving(HALF, HALF, b"")))
    answered.set()
    await asyncio.wait(tasks[:4])
    assert await asyncio.create_task(reader.read(Arriving(HALF, HALF, b""))) == HALF + HALF
    for task in tasks:
        task.cancel()


def test_threads_are_named_for_what_they_do():
    """So that a stack dump tells them apart."""
    from scoreline.http.pool import BoundedPool

    async def name() -> str:
        pool = BoundedPool("scoring", threads=1, max_pending=1, timeout_seconds=1)
        try:
            return await pool.run(lambda: threading.current_thread().name)
        finally:
            pool.close()

    assert asyncio.run(name()).startswith("scoring")
