import asyncio
import gzip
import inspect
import re
from contextlib import asynccontextmanager

import msgspec
import pytest

from scoreline.config.tokens import Access, Token
from scoreline.http.limits import Limits
from scoreline.http.wire import at_once
from tests.http.sidecars import PROBLEM_JSON, Held, happens, make_model, read_fields, serve, until

HEAD = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"


def ask(rows, path: bytes = b"/predict", headers: bytes = b"") -> bytes:
    body = msgspec.json.encode({"instances": rows})
    return HEAD % (path, headers, len(body)) + body


class Caller:
    """A connection that is asked piece by piece."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def call(self, *pieces: bytes):
        """Status, headers and body of the answer to what is sent piece by piece."""
        for piece in pieces:
            self.writer.write(piece)
            await asyncio.sleep(0)
        return await asyncio.wait_for(self.read(), 5)

    async def read(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:-2])
        return int(head[0].split()[1]), headers, await self.reader.readexactly(int(headers["Content-Length"]))


@asynccontextmanager
async def connect(running, *, answered=True):
    """A connection, which has had an answer if it is to."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    caller = Caller(reader, writer)
    try:
        assert not answered or (await caller.call(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"))[0] in (200, 503)
        yield caller
    finally:
        writer.close()


@asynccontextmanager
async def count_tasks():
    """The tasks that are made meanwhile, on asyncio's loop."""
    made: list[str] = []
    loop = asyncio.get_running_loop()

    def make(loop, coroutine, **options):
        made.append(coroutine.__qualname__)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop.set_task_factory(make)
    try:
        yield made
    finally:
        loop.set_task_factory(None)


@pytest.mark.parametrize("answered", [False, True], ids=["first", "later"])
async def test_few_rows_that_have_come_whole_are_answered_without_a_task(answered):
    async with serve() as running, connect(running, answered=answered) as caller, count_tasks() as made:
        await until(lambda: any(c.is_idle for c in running.server._connections.connections))
        made.clear()
        caller.writer.write(ask([{"a": 1, "b": 2}], headers=b"X-Request-Id: mine\r\n"))
        status, headers, body = await caller.read()
        assert (status, msgspec.json.decode(body)["predictions"]) == (200, [21.0])
        assert headers["X-Request-Id"] == "mine"
        assert made == []


@pytest.mark.parametrize("pieces", [1, 2], ids=["whole", "in pieces"])
async def test_the_first_request_on_a_connection_is_answered_either_way(pieces):
    async with serve() as running, connect(running, answered=False) as caller:
        request = ask([{"a": 3}])
        cut = len(request) // pieces
        status, _, body = await caller.call(*filter(None, (request[:cut], request[cut:])))
        assert (status, msgspec.json.decode(body)["predictions"]) == (200, [3.0])
        assert (await caller.call(request))[0] == 200


async def test_without_a_name_that_aiohttp_keeps_to_itself_everything_goes_its_way(monkeypatch, caplog):
    """It is said once, not for each connection."""
    monkeypatch.setattr(at_once, "PARSER_NAMES", (*at_once.PARSER_NAMES, "gone"))
    async with serve() as running, connect(running) as caller, count_tasks() as made:
        caller.writer.write(ask([{"a": 1}]))
        assert (await caller.read())[0] == 200
        assert any("_handle_request" in name for name in made)
        async with connect(running):
            assert [fields["missing"] for fields in read_fields(caplog, "short_way_closed")] == [["gone"]]


def test_the_names_that_the_short_way_needs_are_those_that_it_uses():
    """And this release of aiohttp has them."""
    text = inspect.getsource(at_once.AtOnceHandler)
    ours = set(vars(at_once.AtOnceHandler))
    assert set(re.findall(r"self\.(_[a-z_]+)", text)) - ours == set(at_once.HANDLER_NAMES)
    assert at_once.find_missing() == []


@pytest.mark.parametrize("headers", [b"Content-Encoding: gzip\r\n", b"Baggage: %s\r\n" % (b"{" * 20)])
async def test_what_is_not_answered_at_once_is_not_looked_at_first(headers):
    """A compressed body, and one that may have many rows by what stands before it, go aiohttp's way as they are."""
    body = b'{"instances": [{"a": 1}]}'
    sent = gzip.compress(body) if b"gzip" in headers else body
    async with serve() as running, connect(running) as caller, count_tasks() as made:
        caller.writer.write(HEAD % (b"/predict", headers, len(sent)) + sent)
        assert msgspec.json.decode((await caller.read())[2])["predictions"] == [1.0]
        assert any("_handle_request" in name for name in made)


async def test_both_ways_answer_with_the_same_head():
    async with serve() as running, connect(running) as caller:
        short = await caller.call(ask([{"a": 1}], headers=b"X-Request-Id: mine\r\n"))
        long = await caller.call(ask([{"a": 1}], b"/predict?version=1", b"X-Request-Id: mine\r\n"))
        of_time = {"Date", "Content-Length"}
        assert [(k, v) for k, v in short[1].items() if k not in of_time] == [
            (k, v) for k, v in long[1].items() if k not in of_time
        ]
        assert [(e.route, e.method, e.status, e.request_id, e.instances, e.version) for e in running.events[1:]] == [
            ("/predict", "POST", 200, "mine", 1, 1)
        ] * 2


async def test_a_bad_row_is_refused_and_the_connection_goes_on():
    async with serve() as running, connect(running) as caller:
        status, headers, body = await caller.call(ask([{"a": "oops"}]))
        assert (status, headers["Content-Type"]) == (422, PROBLEM_JSON)
        assert msgspec.json.decode(body)["errors"][0]["feature"] == "a"
        assert (await caller.call(ask([{"a": 1}])))[0] == 200
        assert running.sidecar.in_flight == 0


@pytest.mark.parametrize("kind", [b"text/plain", b"application/json; charset=latin-1"])
async def test_a_body_that_says_that_it_is_something_else_is_refused(kind):
    async with serve() as running, connect(running) as caller:
        request = ask([{"a": 1}]).replace(b"application/json", kind)
        assert (await caller.call(request))[0] == 415


async def test_many_rows_are_scored_on_a_thread_all_the_same():
    """They were looked at already: nothing of them is lost on the way."""
    async with serve() as running, connect(running) as caller:
        status, _, body = await caller.call(ask([{"a": i} for i in range(100)]))
        assert (status, msgspec.json.decode(body)["predictions"][99]) == (200, 99.0)
        assert running.threads == 1


async def test_what_comes_in_pieces_is_answered():
    async with serve() as running, connect(running) as caller:
        request = ask([{"a": 3}])
        for cut in (10, request.index(b"\r\n\r\n") + 4, len(request) - 1):
            status, _, body = await caller.call(request[:cut], request[cut:])
            assert (status, msgspec.json.decode(body)["predictions"]) == (200, [3.0])


async def test_requests_in_one_go_are_answered_in_their_order():
    async with serve() as running, connect(running) as caller:
        caller.writer.write(b"".join(ask([{"a": i}]) for i in range(4)))
        answers = [msgspec.json.decode((await caller.read())[2]) for _ in range(4)]
        assert [answer["predictions"] for answer in answers] == [[0.0], [1.0], [2.0], [3.0]]


async def test_a_request_behind_one_that_waits_is_answered_after_it():
    model = Held()
    async with serve({1: model}) as running, connect(running) as caller:
        caller.writer.write(ask([{"a": 1}] * 50))
        await happens(model.entered)
        caller.writer.write(ask([{"a": 7}]))
        await until(lambda: any(c._messages for c in running.server._connections.connections))
        model.release.set()
        assert len(msgspec.json.decode((await caller.read())[2])["predictions"]) == 50
        assert msgspec.json.decode((await caller.read())[2])["predictions"] == [7.0]


async def test_the_last_request_on_a_connection_ends_it():
    async with serve() as running, connect(running) as caller:
        status, headers, _ = await caller.call(ask([{"a": 1}], headers=b"Connection: close\r\n"))
        assert (status, headers["Connection"]) == (200, "close")
        assert await asyncio.wait_for(caller.reader.read(), 5) == b""


async def test_a_service_that_stops_answers_and_ends_the_connection():
    async with serve() as running, connect(running) as caller:
        running.sidecar.end_connections()
        status, headers, _ = await caller.call(ask([{"a": 1}]))
        assert (status, headers["Connection"]) == (200, "close")


async def test_the_door_is_closed_to_those_without_a_token():
    token = Token(Access.PREDICT, "a-secret-of-enough-length")
    async with serve(tokens=[token]) as running, connect(running) as caller:
        assert (await caller.call(ask([{"a": 1}])))[0] == 401
        assert (await caller.call(ask([{"a": 1}], headers=b"Authorization: Bearer %s\r\n" % token.value.encode())))[
            0
        ] == 200


async def test_over_the_concurrency_limit_it_is_told_to_come_back():
    model = Held()
    async with serve({1: model}, limits=Limits(max_concurrency=1)) as running, connect(running) as caller:
        first = asyncio.create_task(running.predict([{"a": 1}] * 50))
        await happens(model.entered)
        status, headers, _ = await caller.call(ask([{"a": 1}]))
        assert (status, headers["Retry-After"]) == (429, "1")
        model.release.set()
        assert (await first).status == 200
        assert (await caller.call(ask([{"a": 1}])))[0] == 200


async def test_more_classes_than_a_connection_takes_at_once_are_answered():
    classes = tuple(f"class-{i}" for i in range(100))
    async with (
        serve({1: make_model(1.0, classes=classes)}) as running,
        connect(running) as caller,
        count_tasks() as made,
    ):
        caller.writer.write(ask([{"a": 1}]))
        assert len(msgspec.json.decode((await caller.read())[2])["scores"][0]) == 100
        assert any("_handle_request" in name for name in made)


async def test_one_bad_caller_among_many_fails_nobody_elses_requests():
    """Thirty-two connections that ask again and again; one of them is wrong each time, in another way."""
    wrong = [b'{"instances": [{"a": "x"}]}', b"{", b'{"instances": []}', b'{"instances": [{"a": 1e999}]}', b"\xff"]

    async def call_often(caller: Caller, number: int) -> set[int]:
        found = set()
        for turn in range(10):
            body = wrong[turn % len(wrong)] if number == 13 else b'{"instances": [{"a": %d}]}' % (100 * number + turn)
            status, _, answer = await caller.call(HEAD % (b"/predict", b"", len(body)) + body)
            found.add(status)
            assert number == 13 or msgspec.json.decode(answer)["predictions"] == [100.0 * number + turn]
        return found

    async with serve() as running:
        pairs = [await asyncio.open_connection("127.0.0.1", running.server.port) for _ in range(32)]
        statuses = await asyncio.gather(*(call_often(Caller(*pair), n) for n, pair in enumerate(pairs)))
        for _, writer in pairs:
            writer.close()
        assert statuses == [{400, 422} if n == 13 else {200} for n in range(32)]
