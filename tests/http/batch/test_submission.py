import asyncio
import gzip
import hashlib
import random
import zlib
from collections import Counter

import pytest

from scoreline.errors import DeliveryError, Unavailable
from scoreline.features import Feature
from scoreline.http.batch import submission as batch_submission
from scoreline.http.batch.body import NDJSON
from scoreline.http.limits import Limits
from scoreline.jobs.events import Submitted
from scoreline.models.routes import Route
from scoreline.testing.fakes import FixedVersions, WeightedSum
from tests.http.batch.batch_sidecars import name_problem, serve_batch, write_lines
from tests.http.sidecars import make_model, until

HEAD = b"POST /batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def wrap(piece):
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def lines_of(topics):
    return [line for chunk in topics.chunks for line in chunk.lines.split(b"\n")]


def submissions(topics):
    return [event for event, _ in topics.events if isinstance(event, Submitted)]


@pytest.mark.parametrize("seed", range(12))
async def test_a_body_is_the_same_rows_however_it_is_cut(seed):
    """Chunked or with a length, compressed or not, at random places and with pauses; with blank lines and CR LF."""
    rng = random.Random(seed)
    rows = [b'{"a": %d, "b": "%b"}' % (i, b"x" * rng.choice([0, 1, 50, 3000])) for i in range(rng.randrange(1, 900))]
    body = b"".join(row + rng.choice([b"\n", b"\r\n", b"\n\n", b"\n \n"]) for row in rows)
    encoding, compress = rng.choice([("identity", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)])
    sent = compress(body)
    cuts = sorted(rng.sample(range(len(sent)), min(rng.choice([1, 5, 40]), len(sent) - 1)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True) if a < b]
    chunked = rng.random() < 0.7
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(sent)
    async with serve_batch() as batch:
        reader, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port)
        writer.write(HEAD + b"Content-Encoding: " + encoding.encode() + b"\r\n" + framing + b"\r\n\r\n")
        for piece in pieces:
            writer.write(wrap(piece) if chunked else piece)
            await writer.drain()
            for _ in range(rng.choice([0, 0, 3])):
                await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n" if chunked else b"")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 202 ")
        writer.close()
        assert [line.strip() for line in lines_of(batch.topics)] == rows
        (submitted,) = submissions(batch.topics)
        assert (submitted.rows, submitted.chunks) == (len(rows), len(batch.topics.chunks))
        first = 0
        for number, chunk in enumerate(batch.topics.chunks):
            assert (chunk.number, chunk.first_row, chunk.order.job_id) == (number, first, submitted.job_id)
            first += chunk.rows


async def test_rows_of_a_json_body_are_lines_as_they_stand():
    body = b'{"instances": [{"a":\r\n 1},\n 5, {"b": "\\n"}, [1,\n2], null]}'
    async with serve_batch() as batch:
        answer = await batch.running.ask("POST", "/batch", data=body, headers={"Content-Type": "application/json"})
        assert (answer.status, answer.json["rows"]) == (202, 5)
        assert lines_of(batch.topics) == [b'{"a":   1}', b"5", b'{"b": "\\n"}', b"[1, 2]", b"null"]


async def test_bad_rows_do_not_refuse_a_job():
    async with serve_batch() as batch:
        assert (await batch.submit_lines(b'{"a": 1}\nthis is not JSON\n\xff\xfe\n{"a": "x"}')).json["rows"] == 4


@pytest.mark.parametrize("body", [b"", b"\n", b" \r\n\n", b"\xef\xbb\xbf"])
async def test_a_body_without_rows_is_refused(body):
    async with serve_batch() as batch:
        assert name_problem(await batch.submit_lines(body)) == (400, "malformed-request")
        assert batch.topics.events == []


@pytest.mark.parametrize("body", [b"", b"{}", b'{"instances": []}', b'{"instances": 1}', b"[1]", b'{"instances": [1]'])
async def test_a_json_body_has_to_have_its_shape(body):
    async with serve_batch() as batch:
        answer = await batch.running.ask("POST", "/batch", data=body, headers={"Content-Type": "application/json"})
        assert name_problem(answer) == (400, "malformed-request")
        assert batch.topics.chunks == batch.topics.events == []


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/octet-stream", f"{NDJSON}; charset=latin-1", "application/jsonl"]
)
async def test_other_types_are_refused_with_those_that_are_taken(content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    async with serve_batch() as batch:
        answer = await batch.running.ask("POST", "/batch", data=b'{"a": 1}', headers=headers)
        assert name_problem(answer) == (415, "unsupported-media-type")


async def test_an_unknown_encoding_is_refused_with_those_that_are_taken():
    async with serve_batch() as batch:
        answer = await batch.submit_lines(b"x", Content_Encoding="br")
        assert answer.status == 415
        assert answer.headers["Accept-Encoding"] == "gzip, deflate"


@pytest.mark.slow
@pytest.mark.parametrize("query", ["?x=1", "?ignore_unknown=yes", "?version=1&version=1", "?explain=3"])
async def test_a_wrong_query_is_refused_before_the_body_is_read(query):
    async with serve_batch() as batch:
        head = f"POST /batch{query} HTTP/1.1\r\nHost: x\r\nContent-Type: {NDJSON}\r\nContent-Length: 9\r\n\r\n"
        assert (await batch.running.say(head.encode())).startswith(b"HTTP/1.1 400 ")


async def test_limits_of_json_bodies_are_those_of_predictions():
    async with serve_batch(limits=Limits(max_body_bytes=100, max_instances=3)) as batch:
        assert name_problem(await batch.submit([{"a": 1}] * 4)) == (413, "too-large")
        assert name_problem(await batch.submit([{"a": "x" * 100}])) == (413, "too-large")
        assert (await batch.submit_lines(write_lines([{"a": "x" * 100}] * 50))).status == 202


async def test_more_rows_than_a_job_may_have_leave_no_job():
    async with serve_batch(max_rows=1000) as batch:
        reader, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port)
        writer.write(CHUNKED + wrap(b'{"a": 1}\n' * 1000))
        await until(lambda: len(batch.topics.chunks) == 3)
        writer.write(wrap(b"1\n") + b"0\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
        writer.close()
        assert batch.topics.events == []
        assert (await batch.submit_lines(b'{"a": 1}\n' * 1000)).status == 202


@pytest.mark.slow
@pytest.mark.parametrize("end", [b"\n", b""])
async def test_a_line_that_is_too_long_is_refused_while_it_arrives(end):
    async with serve_batch(max_line_bytes=1000) as batch:
        assert (await batch.submit_lines(b"x" * 1000 + end)).status == 202
        assert name_problem(await batch.submit_lines(b"x" * 1001 + end)) == (413, "too-large")
        reader, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port)
        writer.write(CHUNKED + wrap(b"x" * 1001))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
        writer.close()
        assert len(submissions(batch.topics)) == 1


@pytest.mark.parametrize("seed", range(8))
async def test_a_caller_that_goes_away_leaves_no_job(seed):
    rng = random.Random(seed)
    body = b"".join(wrap(b'{"a": %d}\n' % i * 50) for i in range(200)) + b"0\r\n\r\n"
    async with serve_batch() as batch:
        await batch.running.hang_up_after(CHUNKED + body[: rng.randrange(len(body) - 5)])
        assert batch.running.events[-1].status == 499
        assert batch.topics.events == []
        assert (await batch.submit_lines(b'{"a": 1}')).status == 202


async def test_a_caller_that_goes_away_while_chunks_are_on_their_way_leaves_no_job():
    """All of the body had come, but nobody is there who could learn of the job."""
    async with serve_batch() as batch:
        batch.publisher.held = True
        await batch.running.hang_up_after(CHUNKED + wrap(b'{"a": 1}') + b"0\r\n\r\n")
        batch.publisher.release()
        assert len(batch.topics.chunks) == 1
        assert batch.topics.events == []


@pytest.mark.parametrize(
    "damage",
    [
        b"this is not gzip",
        gzip.compress(b'{"a": 1}\n' * 9)[:-9],
        gzip.compress(b'{"a": 1}\n' * 50_000)[:-3000] + b"x" * 4000,
    ],
    ids=["no gzip", "without its end", "spoiled"],  # bytes of gzip have the time in them
)
async def test_a_body_that_is_not_in_its_encoding_leaves_no_job(damage):
    async with serve_batch() as batch:
        assert name_problem(await batch.submit_lines(damage, Content_Encoding="gzip")) == (400, "malformed-request")
        assert batch.topics.events == []


@pytest.mark.slow
async def test_a_body_of_which_nothing_comes_any_more_is_given_up():
    async with serve_batch(silence_seconds=0.05) as batch:
        reader, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port)
        writer.write(CHUNKED + wrap(b'{"a": 1}\n'))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 408 ")
        writer.close()
        assert batch.topics.events == []


async def test_a_byte_now_and_then_does_not_keep_a_place():
    """Each comes well within the time that nothing may come."""
    async with serve_batch(silence_seconds=0.1) as batch:
        reader, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port)
        writer.write(CHUNKED)
        answering = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        async with asyncio.timeout(5):
            while not answering.done():
                writer.write(wrap(b"1"))
                await asyncio.wait([answering], timeout=0.02)
        assert answering.result().startswith(b"HTTP/1.1 408 ")
        writer.write(b"0\r\n\r\n")  # the end: until it comes, or a second later, the sidecar would not stop
        writer.close()
        assert batch.topics.events == []


@pytest.mark.slow
async def test_a_body_that_comes_fast_enough_takes_as_long_as_it_takes():
    async with serve_batch(silence_seconds=1.0) as batch:
        reader, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port)
        writer.write(CHUNKED)
        for _ in range(5):
            writer.write(wrap(b'{"a": 1}\n' * 10))
            await asyncio.sleep(0.25)
        writer.write(b"0\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 202 ")
        writer.close()


async def test_a_submission_that_is_not_acknowledged_may_be_one_and_the_caller_is_told():
    async with serve_batch() as batch:
        batch.publisher.held = True
        uploading = asyncio.create_task(batch.submit_lines(b'{"a": 1}'))
        await until(lambda: batch.publisher.pending == 1)
        batch.publisher.release()
        await until(lambda: batch.publisher.pending == 1)
        batch.publisher.fail(Unavailable("broker:9092 has not answered"))
        answer = await uploading
        assert name_problem(answer) == (503, "unavailable")
        assert batch.topics.chunks[0].order.job_id in answer.json["detail"]
        assert "Idempotency-Key" in answer.json["detail"]
        assert b"9092" not in answer.body
        assert answer.headers["Retry-After"] == "1"


@pytest.mark.slow
async def test_a_body_is_asked_for_once_it_is_wanted():
    head = HEAD + b"Content-Length: 8\r\nExpect: 100-continue\r\n\r\n"
    async with serve_batch() as batch:
        reader, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port)
        writer.write(head)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b'{"a": 1}')
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 202 ")
        writer.close()
        unwanted = head.replace(b"/batch", b"/batch?version=7")
        assert (await batch.running.say(unwanted)).startswith(b"HTTP/1.1 404 ")


async def test_a_caller_is_read_no_faster_than_kafka_takes_it():
    """What it sends beyond that stays in its socket."""
    row = b'{"a": "' + b"x" * 1000 + b'"}\n'
    sent = 0

    async def body():
        nonlocal sent
        for _ in range(300):
            yield row * 100
            sent += 1

    async with serve_batch() as batch:
        batch.publisher.held = True
        uploading = asyncio.create_task(batch.submit_lines(body()))
        await settle(lambda: (sent, batch.publisher.pending))
        held_bytes = batch.publisher.pending * 1024 * 1024
        assert held_bytes < 18 * 1024 * 1024  # of the first chunks each is a quarter of that
        assert sent < 250
        while not uploading.done():
            batch.publisher.release()
            await asyncio.sleep(0)
        assert (await uploading).json["rows"] == 30_000


async def test_nothing_is_accepted_before_every_chunk_and_the_submission_are_acknowledged():
    async with serve_batch() as batch:
        batch.publisher.held = True
        uploading = asyncio.create_task(batch.submit_lines(b'{"a": 1}\n' * 600))
        await until(lambda: batch.publisher.pending == 3)
        for left in (2, 1):
            batch.publisher.release(1)
            await settle(lambda: batch.publisher.pending)
            assert batch.publisher.pending == left
        batch.publisher.release(1)
        await until(lambda: batch.publisher.pending == 1)
        assert batch.topics.events == []
        assert not uploading.done()
        batch.publisher.release()
        assert (await uploading).status == 202
        assert len(submissions(batch.topics)) == 1


@pytest.mark.parametrize("error", [Unavailable("broker:9092 is away"), DeliveryError("broker:9092 refuses")])
async def test_a_chunk_that_kafka_does_not_take_leaves_no_job(error):
    async with serve_batch() as batch:
        batch.publisher.held = True
        uploading = asyncio.create_task(batch.submit_lines(b'{"a": 1}'))
        await until(lambda: batch.publisher.pending == 1)
        batch.publisher.fail(error)
        answer = await uploading
        assert name_problem(answer) == (503, "unavailable")
        assert b"9092" not in answer.body
        assert batch.topics.events == []


async def test_an_upload_waits_for_its_own_chunks_when_others_have_filled_the_room():
    async with serve_batch() as batch:
        batch.publisher.held, batch.publisher.most_pending = True, 2
        uploading = asyncio.create_task(batch.submit_lines(b'{"a": 1}\n' * 1500))
        while not uploading.done():
            batch.publisher.release(1)
            await asyncio.sleep(0)
        assert (await uploading).json["rows"] == 1500


async def test_without_any_room_an_upload_is_put_off():
    async with serve_batch() as batch:
        batch.publisher.held, batch.publisher.most_pending = True, 0
        assert name_problem(await batch.submit_lines(b'{"a": 1}')) == (503, "unavailable")


async def test_only_so_many_bodies_arrive_at_once_and_the_rest_is_served_meanwhile():
    async with serve_batch() as batch:
        writers = []
        for _ in range(batch_submission.MOST_UPLOADS):
            _, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port)
            writer.write(CHUNKED)
            writers.append(writer)
        await until(lambda: batch.running.sidecar.in_flight == len(writers))
        answer = await batch.submit_lines(b'{"a": 1}')
        assert name_problem(answer) == (429, "overloaded")
        assert answer.headers["Retry-After"] == "1"
        assert (await batch.running.predict([{"a": 1}])).status == 200
        assert (await batch.submit([{"a": 1}])).status == 202, "small bodies have places of their own"
        for writer in writers:
            writer.write(wrap(b'{"a": 1}') + b"0\r\n\r\n")
        await until(lambda: batch.running.sidecar.in_flight == 0)
        for writer in writers:
            writer.close()
        assert (await batch.submit_lines(b'{"a": 1}')).status == 202


async def test_a_job_has_the_version_that_its_selector_means_when_it_is_submitted():
    versions = FixedVersions({1: make_model(1.0), 2: make_model(2.0)}, {"old": 1})
    async with serve_batch(models=versions) as batch:
        assert (await batch.submit([{}])).json["version"] == 2
        assert (await batch.submit([{}], "?version=old")).json["version"] == 1
        assert (await batch.submit([{}], "?version=latest")).json["version"] == 2
        assert [chunk.order.version for chunk in batch.topics.chunks] == [2, 1, 2]
        for selector in ("7", "nope", "a%20b"):
            answer = await batch.submit([{}], f"?version={selector}")
            assert name_problem(answer) == (404, "unknown-version")


def choose_by_hand(key):
    """The first eight bytes of SHA-256(model, 0x00, key) as a share of 2^64, against 50, 30 and 20 in order."""
    point = int.from_bytes(hashlib.sha256(b"model\x00" + key.encode()).digest()[:8], "big") / 2**64
    return 1 if point < 0.5 else 2 if point < 0.8 else 3


async def test_200_jobs_over_a_route_get_their_versions_by_the_request_key_or_else_by_their_id():
    versions = FixedVersions(
        {n: make_model(float(n)) for n in (1, 2, 3)}, {"production": Route(((1, 50), (2, 30), (3, 20)))}
    )
    async with serve_batch(models=versions) as batch:
        found = Counter()
        for i in range(200):
            key = f"customer-{i % 40}" if i % 2 else ""
            answer = await batch.submit([{}], **({} if i % 4 == 0 else {"X_Request_Key": key}))
            chosen = choose_by_hand(key or answer.json["job_id"])
            assert answer.json["version"] == chosen == batch.topics.chunks[-1].order.version
            found[chosen] += 1
        assert set(found) == {1, 2, 3}


async def test_features_of_other_versions_of_its_route_are_no_mistake_in_a_row():
    other = WeightedSum([Feature("a"), Feature("z"), Feature("b")], [1.0, 1.0, 1.0])
    versions = FixedVersions({1: make_model(1.0), 2: other}, {"production": Route(((1, 50), (2, 50)))})
    async with serve_batch(models=versions) as batch:
        for i in range(20):
            await batch.submit([{}], "?ignore_unknown=true", X_Request_Key=f"{i}")
        orders = {c.order.version: c.order for c in batch.topics.chunks}
        assert orders[1].also_known == ("b", "z")
        assert orders[2].also_known == ()
        assert orders[1].ignore_unknown
        await batch.submit([{}], "?version=1")
        assert batch.topics.chunks[-1].order.also_known == ()
        assert not batch.topics.chunks[-1].order.ignore_unknown


async def settle(look):
    """Let the loop turn until nothing changes any more."""
    for _ in range(200):
        before = look()
        for _ in range(50):
            await asyncio.sleep(0)
        if look() == before:
            return
    raise AssertionError("it does not come to rest")
