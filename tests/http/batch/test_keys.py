import asyncio
import random
from dataclasses import replace
from uuid import UUID

import pytest

from scoreline.config.tokens import Access, Token
from scoreline.jobs.events import Submitted
from scoreline.testing.jobs import MemoryJobTopics, score_field
from tests.http.batch.batch_sidecars import name_problem, serve_batch
from tests.http.sidecars import until

BODY = b'{"a": 1}\n{"a": 2}\n'


async def test_the_same_body_under_the_same_key_is_the_same_job():
    async with serve_batch() as batch:
        first = await batch.submit_lines(BODY, Idempotency_Key="k")
        again = await batch.submit_lines(BODY, Idempotency_Key="k")
        assert (first.status, again.status) == (202, 202)
        assert again.json == first.json
        assert again.headers["Location"] == first.headers["Location"]
        assert UUID(first.json["job_id"]).version == 8
        assert len(batch.topics.chunks) == len(batch.topics.events) == 1


async def test_a_job_is_found_again_as_it_stands():
    async with serve_batch() as batch:
        await batch.submit_lines(BODY, Idempotency_Key="k")
        batch.topics.score_all(score_field("a"))
        again = (await batch.submit_lines(BODY, Idempotency_Key="k")).json
        assert (again["status"], again["rows_done"]) == ("succeeded", 2)
        assert again["results"].endswith("/results")


async def test_a_job_is_found_again_although_its_version_is_gone():
    from scoreline.testing.fakes import FixedVersions
    from tests.http.sidecars import make_model

    versions = FixedVersions({1: make_model(1.0), 2: make_model(1.0)}, {"canary": 2})
    async with serve_batch(models=versions) as batch:
        first = await batch.submit_lines(BODY, "?version=canary", Idempotency_Key="k")
        del versions.aliases["canary"]
        again = await batch.submit_lines(BODY, "?version=canary", Idempotency_Key="k")
        assert (again.status, again.json) == (202, first.json)


async def test_another_body_under_the_same_key_is_refused():
    async with serve_batch() as batch:
        await batch.submit_lines(BODY, Idempotency_Key="k")
        before = len(batch.topics.chunks)
        for body, query in [
            (BODY + b"{}", ""),
            (BODY[:-1], ""),
            (BODY, "?version=1"),
            (BODY, "?ignore_unknown=true"),
            (b"", ""),
        ]:
            answer = await batch.submit_lines(body, query, Idempotency_Key="k")
            assert name_problem(answer) == (422, "idempotency-key-reused")
        answer = await batch.submit([{"a": 1}, {"a": 2}], Idempotency_Key="k")
        assert name_problem(answer) == (422, "idempotency-key-reused")
        assert len(batch.topics.chunks) == before


async def test_a_compressed_body_is_the_same_as_it_is_without():
    import gzip

    async with serve_batch() as batch:
        first = await batch.submit_lines(BODY, Idempotency_Key="k")
        again = await batch.submit_lines(gzip.compress(BODY), Idempotency_Key="k", Content_Encoding="gzip")
        assert again.json == first.json


async def test_json_bodies_have_keys_too():
    async with serve_batch() as batch:
        first = await batch.submit([{"a": 1}], Idempotency_Key="k")
        assert (await batch.submit([{"a": 1}], Idempotency_Key="k")).json == first.json
        assert (await batch.submit([{"a": 2}], Idempotency_Key="k")).status == 422


async def test_a_broken_upload_leaves_its_key_free():
    async with serve_batch(max_line_bytes=100) as batch:
        assert (await batch.submit_lines(b"x" * 101, Idempotency_Key="k")).status == 413
        assert (await batch.submit_lines(BODY, Idempotency_Key="k")).status == 202


@pytest.mark.parametrize("body", [BODY + b"{}\n" * 9, BODY + b"x" * 101])
async def test_a_body_under_a_key_that_exists_is_read_no_further_than_that_of_any_job(body):
    async with serve_batch(max_rows=10, max_line_bytes=100) as batch:
        await batch.submit_lines(BODY, Idempotency_Key="k")
        reader, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port)
        head = b"POST /batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nIdempotency-Key: k\r\n"
        writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(body), body))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
        writer.write(b"0\r\n\r\n")  # the end: until it comes, or a second later, the sidecar would not stop
        writer.close()


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ö", "tab\tkey"])
async def test_a_key_that_is_none_is_refused(key):
    async with serve_batch() as batch:
        head = "POST /batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1\r\n"
        answer = await batch.running.say(f"{head}Idempotency-Key: {key}\r\n\r\n1".encode())
        assert answer.startswith(b"HTTP/1.1 400 ")
        twice = await batch.running.say(f"{head}Idempotency-Key: a\r\nIdempotency-Key: a\r\n\r\n1".encode())
        assert twice.startswith(b"HTTP/1.1 400 ")


async def test_two_callers_have_keys_of_their_own():
    tokens = (Token(Access.PREDICT, "one"), Token(Access.PREDICT, "two"))
    async with serve_batch(tokens=tokens) as batch:
        one = await batch.submit_lines(BODY, Idempotency_Key="k", Authorization="Bearer one")
        two = await batch.submit_lines(b"{}", Idempotency_Key="k", Authorization="Bearer two")
        again = await batch.submit_lines(BODY, Idempotency_Key="k", Authorization="bearer  one")
        assert one.status == two.status == again.status == 202
        assert one.json["job_id"] == again.json["job_id"] != two.json["job_id"]


async def test_where_nobody_asks_for_a_token_none_tells_callers_apart():
    async with serve_batch() as batch:
        one = await batch.submit_lines(BODY, Idempotency_Key="k", Authorization="Bearer one")
        two = await batch.submit_lines(BODY, Idempotency_Key="k")
        assert one.json == two.json


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("same_body", [True, False])
async def test_of_uploads_that_race_under_one_key_exactly_one_wins(seed, same_body):
    """Two sidecars over one Kafka, each behind it by as much as it likes; every answer agrees with the first event."""
    rng = random.Random(seed)
    topics = MemoryJobTopics()
    bodies = [BODY if same_body else BODY * (i + 1) for i in range(4)]
    async with serve_batch(topics) as left, serve_batch(topics) as right:
        sides = [left, right]
        for side in sides:
            side.publisher.held = side.feed.held = True
        racing = [
            asyncio.create_task(sides[i % 2].submit_lines(body, Idempotency_Key="k")) for i, body in enumerate(bodies)
        ]
        async with asyncio.timeout(10):
            while not all(task.done() for task in racing):
                side = rng.choice(sides)
                step, count = rng.choice([(side.publisher.release, 1), (side.feed.read, 1), (side.feed.read, None)])
                step(count)
                await asyncio.sleep(0)
        answers = [task.result() for task in racing]
        winner = next(event for event, _ in topics.events if isinstance(event, Submitted))
        winners = [a for a in answers if a.status == 202]
        assert {a.json["job_id"] for a in winners} == {winner.job_id}
        assert {a.json["rows"] for a in winners} == {winner.rows}
        if same_body:
            assert len(winners) == len(answers)
        else:
            assert len(winners) == 1
            assert [name_problem(a) for a in answers if a.status != 202] == [(422, "idempotency-key-reused")] * 3
        for side in sides:
            side.feed.held = False
        topics.score_all(score_field("a"))
        shown = [await side.show(winner.job_id) for side in sides]
        for side in sides:
            side.feed.read()
        shown = [await side.show(winner.job_id) for side in sides]
        assert shown[0] == shown[1]
        assert shown[0]["predictions"] == [1.0, 2.0] * (winner.rows // 2)


@pytest.mark.parametrize("seed", range(5))
async def test_a_job_that_was_accepted_is_known_to_every_sidecar_at_once(seed):
    """However far a feed is behind, nobody is told that there is no such job."""
    rng = random.Random(seed)
    topics = MemoryJobTopics()
    async with serve_batch(topics) as left, serve_batch(topics) as right:
        left.feed.held = right.feed.held = True
        for _ in range(10):
            job_id = (await left.submit_lines(BODY)).json["job_id"]
            asking = [asyncio.create_task(rng.choice([left, right]).running.get(f"/batch/{job_id}")) for _ in range(3)]
            async with asyncio.timeout(5):
                while not all(task.done() for task in asking):
                    rng.choice([left, right]).feed.read(rng.choice([None, 1]))
                    await asyncio.sleep(0)
            assert [task.result().status for task in asking] == [200] * 3


async def test_a_submission_that_is_not_among_those_read_is_no_success():
    """A feed that says it has caught up and has not is a fault that the caller is told of, never a wrong answer."""
    async with serve_batch() as batch:
        batch.publisher.held = True
        uploading = asyncio.create_task(batch.submit_lines(BODY, Idempotency_Key="k"))
        await until(lambda: batch.publisher.pending == 1)
        batch.publisher.release()
        await until(lambda: batch.publisher.pending == 1)
        batch.publisher.release()
        ((event, partition),) = batch.topics.events
        batch.topics.events[:] = [(replace(event, chunks=0), partition)]
        assert name_problem(await uploading) == (503, "unavailable")
