import asyncio
import logging
import random
import threading

import pytest

from scoreline.errors import Unavailable
from scoreline.http.batch import result_pages as batch_pages
from scoreline.http.batch import streams as batch_streams
from scoreline.http.wire import streaming
from scoreline.jobs.events import ChunkFailed
from scoreline.testing.jobs import score_field
from tests.http.batch.batch_sidecars import name_problem, read_lines, serve_batch, write_lines
from tests.http.sidecars import read_fields, until

NDJSON = "application/x-ndjson"


def make_rows(count):
    """Every seventh row is bad."""
    return [{"a": "x" if i % 7 == 3 else i / 2} for i in range(count)]


def expect_line(i, row):
    if isinstance(row["a"], float):
        return {"instance": i, "prediction": row["a"]}
    return {
        "instance": i,
        "errors": [{"feature": "a", "detail": f"expected a number, got {write_lines([row])[:-1]!r}"}],
    }


def expect_lines(rows):
    return [expect_line(i, row) for i, row in enumerate(rows)]


async def test_all_results_are_lines_in_order():
    rows = make_rows(3000)
    async with serve_batch() as batch:
        job_id = await batch.succeed(rows)
        answer = await batch.results(job_id)
    assert (answer.status, answer.headers["Content-Type"]) == (200, NDJSON)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.headers["X-Request-Id"]
    assert read_lines(answer.body) == expect_lines(rows)


async def test_lines_of_a_multi_class_model_have_label_and_scores():
    async with serve_batch() as batch:
        job_id = await batch.succeed([{"a": 2.0}, {"a": "x"}], score_field("a", classes=("no", "yes")))
        lines = read_lines((await batch.results(job_id)).body)
    assert lines[0] == {"instance": 0, "prediction": 1.0, "label": "yes", "scores": [0.0, 2.0]}
    assert lines[1].keys() == {"instance", "errors"}


@pytest.mark.parametrize("query", ["?offset=1234", "?offset=2047&limit=2", "?limit=5", "?offset=2999", "?offset=3000"])
async def test_lines_from_an_offset_on_where_the_caller_asks_for_lines(query):
    rows = make_rows(3000)
    given = dict(each.split("=") for each in query[1:].split("&"))
    start = int(given.get("offset", 0))
    stop = start + int(given.get("limit", 3000))
    async with serve_batch() as batch:
        job_id = await batch.succeed(rows)
        answer = await batch.results(job_id, query, Accept=f"application/json;q=0.5, {NDJSON}; q=1")
    assert answer.headers["Content-Type"] == NDJSON
    assert read_lines(answer.body) == expect_lines(rows)[start:stop]


async def test_pages_join_to_all_rows():
    rows = make_rows(2500)
    async with serve_batch() as batch:
        job_id = await batch.succeed(rows)
        path, predictions, errors = f"/batch/{job_id}/results?limit=700", [], []
        while path:
            page = (await batch.running.get(path)).json
            assert (page["job_id"], page["rows"], page["offset"]) == (job_id, 2500, len(predictions))
            predictions += page["predictions"]
            errors += page["errors"]
            path = page["next"]
    assert predictions == [row["a"] if isinstance(row["a"], float) else None for row in rows]
    assert [error["instance"] for error in errors] == list(range(3, 2500, 7))
    assert errors[0].keys() == {"instance", "feature", "detail"}


async def test_a_page_has_a_thousand_rows_unless_more_are_asked_for():
    async with serve_batch() as batch:
        job_id = await batch.succeed(make_rows(1500))
        page = (await batch.results(job_id, "?offset=0")).json
        assert len(page["predictions"]) == 1000
        assert page["next"] == f"/batch/{job_id}/results?offset=1000&limit=1000"
        page = (await batch.results(job_id, "?limit=10000")).json
        assert (len(page["predictions"]), page["next"]) == (1500, None)
        page = (await batch.results(job_id, "?offset=1500")).json
        assert (page["predictions"], page["errors"], page["next"]) == ([], [], None)


async def test_a_page_of_a_multi_class_model_has_labels_and_scores():
    async with serve_batch() as batch:
        job_id = await batch.succeed([{"a": 2.0}, {"a": "x"}], score_field("a", classes=("no", "yes")))
        page = (await batch.results(job_id, "?offset=0")).json
    assert (page["labels"], page["scores"]) == (["yes", None], [[0.0, 2.0], None])


async def test_a_page_of_very_many_classes_is_shorter_and_leads_on(monkeypatch):
    monkeypatch.setattr(batch_pages, "MOST_VALUES", 500)
    async with serve_batch() as batch:
        job_id = await batch.succeed([{"a": 2.0}] * 600, score_field("a", classes=("no", "yes")))
        page = (await batch.results(job_id, "?limit=600")).json
        assert len(page["predictions"]) == len(page["scores"]) == 256
        assert page["next"].endswith("?offset=256&limit=600")
        job = await batch.show(job_id)
        assert "predictions" not in job
        assert job["results"] == f"/batch/{job_id}/results"


@pytest.mark.parametrize(
    "query", ["?offset=-1", "?limit=0", "?limit=10001", "?offset=x", "?offset=1e3", "?offset=" + "9" * 30, "?page=1"]
)
async def test_a_wrong_page_is_refused(query):
    async with serve_batch() as batch:
        job_id = await batch.succeed(make_rows(3))
        assert name_problem(await batch.results(job_id, query)) == (400, "malformed-request")


@pytest.mark.parametrize("query", ["", "?offset=0"])
async def test_a_job_has_no_results_before_it_has_ended(query):
    async with serve_batch() as batch:
        job_id = (await batch.submit([{"a": 1}])).json["job_id"]
        answer = await batch.results(job_id, query)
        assert (*name_problem(answer), answer.headers["Retry-After"]) == (409, "job-not-finished", "1")
        assert "0 of 1 rows are done" in answer.json["detail"]


async def test_a_job_that_was_cancelled_or_has_failed_has_no_results():
    async with serve_batch() as batch:
        job_id = (await batch.submit([{"a": 1}])).json["job_id"]
        await batch.running.ask("DELETE", f"/batch/{job_id}")
        assert name_problem(await batch.results(job_id)) == (409, "no-results")
        job_id = (await batch.submit([{"a": 1}])).json["job_id"]
        at_ms = int(batch.clock.now * 1000)
        batch.topics.events.append((ChunkFailed(job_id, job_id, at_ms, 0, "chunk 0 cannot be read"), 0))
        batch.feed.read()
        assert name_problem(await batch.results(job_id)) == (409, "no-results")
        job = await batch.show(job_id)
        assert (job["status"], job["detail"]) == ("failed", "chunk 0 cannot be read")


@pytest.mark.parametrize("path", ["", "/results", "/results?offset=0"])
async def test_what_retention_has_taken_is_gone_before_an_answer_begins(path):
    async with serve_batch() as batch:
        job_id = await batch.succeed(make_rows(500))
        batch.topics.results[0] = None
        answer = await batch.running.get(f"/batch/{job_id}{path}")
        assert name_problem(answer) == (410, "results-gone")


@pytest.mark.parametrize("path", ["", "/results", "/results?offset=0"])
async def test_what_is_another_jobs_result_is_not_answered(path):
    """A results topic that was made anew has other records at the same offsets."""
    async with serve_batch() as batch:
        job_id = await batch.succeed(make_rows(5))
        await batch.succeed(make_rows(5))
        batch.topics.results.reverse()
        assert name_problem(await batch.running.get(f"/batch/{job_id}{path}")) == (410, "results-gone")


async def test_a_failure_amid_the_lines_is_seen_by_the_caller_and_logged(caplog):
    """The last chunk of the encoding is missing, and the connection ends."""
    async with serve_batch() as batch:
        job_id = await batch.succeed(make_rows(3000))
        batch.topics.results[3] = None
        with caplog.at_level(logging.ERROR):
            trace = f"traceparent: 00-{'a' * 32}-{'b' * 16}-01"
            said = await say_all(batch, f"GET /batch/{job_id}/results HTTP/1.1\r\nHost: x\r\n{trace}\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 200 ")
        assert said.count(b'{"instance":') == 3 * 256
        assert not said.endswith(b"0\r\n\r\n")
        (logged,) = read_fields(caplog, "answer_broken")
        assert logged["trace_id"] == "a" * 32
        assert "ResultsGone" in logged["error"]
        assert logged["request_id"]
        await until(lambda: all(reader.closed for reader in batch.readers))


async def test_an_http_1_0_caller_gets_lines_until_the_connection_ends():
    async with serve_batch() as batch:
        job_id = await batch.succeed(make_rows(600))
        said = await say_all(batch, f"GET /batch/{job_id}/results HTTP/1.0\r\n\r\n")
        head, _, body = said.partition(b"\r\n\r\n")
        assert b"Transfer-Encoding" not in head
        assert b"Connection: close" in head
        assert read_lines(body) == expect_lines(make_rows(600))


async def test_an_http_1_0_caller_is_reset_when_lines_are_missing():
    async with serve_batch() as batch:
        job_id = await batch.succeed(make_rows(3000))
        batch.topics.results[3] = None
        with pytest.raises(ConnectionResetError):
            await say_all(batch, f"GET /batch/{job_id}/results HTTP/1.0\r\n\r\n")


async def test_a_head_of_the_lines_has_no_body_and_keeps_the_connection():
    async with serve_batch() as batch:
        job_id = await batch.succeed(make_rows(600))
        asked = f"HEAD /batch/{job_id}/results HTTP/1.1\r\nHost: x\r\n\r\n" * 2
        said = await say_all(batch, asked + "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert said.count(b"HTTP/1.1 200 ") == 3
        assert b"instance" not in said


async def test_a_connection_goes_on_after_lines():
    async with serve_batch() as batch:
        job_id = await batch.succeed(make_rows(600))
        asked = f"GET /batch/{job_id}/results HTTP/1.1\r\nHost: x\r\n"
        said = await say_all(batch, f"{asked}\r\n{asked}Connection: close\r\n\r\n")
        assert said.count(b"HTTP/1.1 200 ") == said.count(b"\r\n0\r\n\r\n") == 2


async def test_lines_are_read_no_faster_than_the_caller_takes_them():
    """A reader that is ahead by a few results, not by the job."""
    gate = threading.Semaphore(0)
    async with serve_batch(gate=gate) as batch:
        job_id = await batch.succeed([{"a": i} for i in range(20_000)])
        reader, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port, limit=1024)
        writer.write(f"GET /batch/{job_id}/results HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        gate.release(1)
        assert await reader.readuntil(b"\r\n\r\n")
        assert b'"instance":255,' in await read_until(reader, b'"instance":255,')
        for _ in range(1000):
            gate.release(1)
        body = await read_until(reader, b"\r\n0\r\n\r\n")
        assert b'"instance":19999,' in body
        writer.close()


async def test_a_caller_that_does_not_read_is_cut_off(monkeypatch):
    monkeypatch.setattr(streaming, "WRITE_SECONDS", 0.05)
    async with serve_batch() as batch:
        many = tuple(f"class {i}" for i in range(100))
        job_id = await batch.succeed([{"a": 0.12345}] * 8000, score_field("a", classes=many))
        reader, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port, limit=1024)
        writer.write(f"GET /batch/{job_id}/results HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        await until(lambda: len(batch.running.server._connections.connections) == 1)
        writer.close()
        await until(lambda: all(reader.closed for reader in batch.readers))
        assert (await batch.show(job_id))["status"] == "succeeded"


async def test_a_caller_that_goes_away_amid_the_lines_gives_back_its_reader():
    gate = threading.Semaphore(1)
    async with serve_batch(gate=gate) as batch:
        job_id = await batch.succeed(make_rows(3000))
        reader, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port)
        writer.write(f"GET /batch/{job_id}/results HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        assert batch.streams == 1
        gate.release(100)  # that it is gone is seen when it is sent more
        await until(lambda: batch.streams == 0)
        assert len(batch.running.server._connections.connections) == 1


async def test_only_so_many_callers_are_sent_lines_at_once():
    gate = threading.Semaphore(0)
    async with serve_batch(gate=gate) as batch:
        job_id = await batch.succeed(make_rows(10))
        asking = [asyncio.create_task(batch.results(job_id)) for _ in range(batch_streams.MOST_STREAMS)]
        await until(lambda: len(batch.readers) == batch_streams.MOST_STREAMS)
        answer = await batch.results(job_id)
        assert (*name_problem(answer), answer.headers["Retry-After"]) == (429, "overloaded", "1")
        gate.release(batch_streams.MOST_STREAMS)
        assert [(await each).status for each in asking] == [200] * len(asking)
        gate.release(1)
        async with asyncio.timeout(5):
            while (await batch.results(job_id)).status == 429:
                gate.release(1)


async def test_readers_are_used_again():
    async with serve_batch() as batch:
        job_id = await batch.succeed(make_rows(10))
        for _ in range(3):
            await batch.results(job_id, "?offset=0")
        assert len(batch.readers) == 1
        assert batch.readers[0].rested == 3, "and fetch nothing meanwhile"
        assert not batch.readers[0].closed
    assert batch.readers[0].closed


async def test_readers_are_told_of_a_stop_before_connections_are_ended():
    async with serve_batch() as batch:
        job_id = await batch.succeed(make_rows(10))
        await batch.results(job_id, "?offset=0")
        (reader,) = batch.readers
        assert not reader.should_stop()
        batch.running.sidecar.end_connections()
        assert reader.should_stop()


async def test_results_that_cannot_be_read_now_are_a_reason_to_come_back(monkeypatch):
    async with serve_batch() as batch:
        job_id = await batch.succeed(make_rows(10))

        def read(reader, places):
            raise Unavailable("broker:9092 is away")

        monkeypatch.setattr("scoreline.testing.jobs.MemoryResultReader.read", read)
        for query in ("", "?offset=0"):
            answer = await batch.results(job_id, query)
            assert (*name_problem(answer), answer.headers["Retry-After"]) == (503, "unavailable", "1")


@pytest.mark.parametrize("seed", range(5))
async def test_any_page_is_what_the_lines_have_there(seed):
    rng = random.Random(seed)
    rows = make_rows(rng.randrange(1, 4000))
    async with serve_batch() as batch:
        job_id = await batch.succeed(rows)
        lines = read_lines((await batch.results(job_id)).body)
        for _ in range(10):
            offset, limit = rng.randrange(len(rows) + 2), rng.randrange(1, 3000)
            page = (await batch.results(job_id, f"?offset={offset}&limit={limit}")).json
            expected = lines[offset : offset + limit]
            assert page["predictions"] == [line.get("prediction") for line in expected]
            assert [e["instance"] for e in page["errors"]] == [e["instance"] for e in expected if "errors" in e]


async def say_all(batch, text):
    reader, writer = await asyncio.open_connection("127.0.0.1", batch.running.server.port)
    writer.write(text.encode())
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


async def read_until(reader, end):
    found = b""
    async with asyncio.timeout(5):
        while end not in found:
            found += await reader.read(1 << 16)
    return found
