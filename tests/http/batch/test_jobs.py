import re
import uuid

import pytest

from scoreline.errors import Unavailable
from scoreline.http.batch.body import NDJSON
from scoreline.testing.jobs import score_field
from tests.http.batch.batch_sidecars import RETENTION_SECONDS, UNKNOWN_ID, name_problem, serve_batch, write_lines
from tests.http.sidecars import serve

ROWS = [{"a": 1.5}, {"a": "x"}, {"a": 3}]
MOMENT = "2025-06-15T15:06:40.123Z"


async def test_a_job_is_accepted_and_says_where_it_is():
    async with serve_batch() as batch:
        answer = await batch.submit(ROWS)
        assert answer.status == 202
        job_id = answer.json["job_id"]
        assert str(uuid.UUID(job_id)) == job_id
        assert answer.headers["Location"] == f"/batch/{job_id}"
        assert answer.headers["X-Request-Id"]
        assert answer.json == {
            "job_id": job_id,
            "status": "queued",
            "model": "model",
            "version": 1,
            "rows": 3,
            "rows_done": 0,
            "rows_failed": 0,
            "chunks": 1,
            "chunks_done": 0,
            "submitted_at": MOMENT,
            "finished_at": None,
            "detail": None,
        }
        assert batch.running.events[-1].version == 1
        assert batch.running.events[-1].instances == 3


async def test_a_job_is_shown_at_once_although_nothing_was_read_yet():
    async with serve_batch() as batch:
        submitted = (await batch.submit(ROWS)).json
        assert batch.view.find(submitted["job_id"]) is None
        assert await batch.show(submitted["job_id"]) == submitted


async def test_a_small_job_that_succeeded_is_shown_with_its_results():
    async with serve_batch() as batch:
        job = await batch.show(await batch.succeed(ROWS, score_field("a", at_ms=1_750_000_001_000)))
    assert (job["status"], job["rows_done"], job["rows_failed"]) == ("succeeded", 3, 1)
    assert job["finished_at"] == "2025-06-15T15:06:41.000Z"
    assert job["predictions"] == [1.5, None, 3.0]
    assert job["errors"] == [{"instance": 1, "feature": "a", "detail": """expected a number, got b'{"a":"x"}'"""}]
    assert not {"labels", "scores", "results"} & job.keys()


async def test_labels_and_scores_of_a_multi_class_model_are_beside_its_predictions():
    async with serve_batch() as batch:
        job = await batch.show(await batch.succeed(ROWS, score_field("a", classes=("no", "yes"))))
    assert job["predictions"] == [1.0, None, 1.0]
    assert job["labels"] == ["yes", None, "yes"]
    assert job["scores"] == [[0.0, 1.5], None, [0.0, 3.0]]


async def test_a_larger_job_says_where_its_results_are():
    async with serve_batch() as batch:
        job_id = await batch.succeed([{"a": i} for i in range(1001)])
        job = await batch.show(job_id)
    assert job["results"] == f"/batch/{job_id}/results"
    assert not {"predictions", "errors"} & job.keys()


async def test_a_job_is_cancelled_where_it_was_submitted_also_when_partitions_were_added_since():
    async with serve_batch() as batch:
        job_ids = [(await batch.submit(ROWS)).json["job_id"] for _ in range(4)]
        batch.publisher.events_partitions = 100
        for job_id in job_ids:
            assert (await batch.running.ask("DELETE", f"/batch/{job_id}")).json["status"] == "cancelled"
        partitions = [partition for _, partition in batch.topics.events]
        assert partitions[:4] == partitions[4:]


async def test_progress_is_told_in_rows_and_chunks():
    async with serve_batch() as batch:
        job_id = (await batch.submit_lines(write_lines({"a": i} for i in range(600)))).json["job_id"]
        batch.topics.score_next(score_field("a"))
        batch.feed.read()
        job = await batch.show(job_id)
    assert (job["status"], job["rows_done"], job["chunks_done"], job["chunks"]) == ("running", 256, 1, 3)


@pytest.mark.parametrize(
    "job_id", ["1", "x" * 36, UNKNOWN_ID[:-1], f"{UNKNOWN_ID}0", "%00", UNKNOWN_ID.replace("4", "G")]
)
@pytest.mark.parametrize(("method", "end"), [("GET", ""), ("DELETE", ""), ("GET", "/results")])
async def test_what_can_be_no_id_is_unknown_and_nobody_is_asked(job_id, method, end):
    async with serve_batch() as batch:
        answer = await batch.running.ask(method, f"/batch/{job_id}{end}")
        assert name_problem(answer) == (404, "unknown-job")
        assert batch.feed.asked == 0


@pytest.mark.parametrize(("method", "end"), [("GET", ""), ("DELETE", ""), ("GET", "/results")])
async def test_a_job_is_unknown_only_when_all_was_read(method, end):
    async with serve_batch() as batch:
        answer = await batch.running.ask(method, f"/batch/{UNKNOWN_ID}{end}")
        assert name_problem(answer) == (404, "unknown-job")
        assert batch.feed.asked == 1


@pytest.mark.parametrize(("method", "end"), [("GET", ""), ("DELETE", ""), ("GET", "/results")])
async def test_a_job_is_gone_after_retention(method, end):
    async with serve_batch() as batch:
        job_id = await batch.succeed(ROWS)
        batch.clock.now += RETENTION_SECONDS + 1
        answer = await batch.running.ask(method, f"/batch/{job_id}{end}")
        assert name_problem(answer) == (410, "results-gone")


async def test_jobs_are_listed_newest_first_and_without_results():
    async with serve_batch() as batch:
        ids = []
        for _ in range(3):
            batch.clock.now += 1
            ids.append(await batch.succeed(ROWS))
        listed = (await batch.running.get("/batch")).json["jobs"]
        assert [job["job_id"] for job in listed] == ids[::-1]
        assert all("predictions" not in job for job in listed)
        limited = (await batch.running.get("/batch?limit=2")).json["jobs"]
        assert [job["job_id"] for job in limited] == ids[:0:-1]


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=1001", "?limit=-1", "?limit=x", "?limit=", "?limit=1&limit=2", "?x=1"]
)
async def test_a_wrong_limit_of_a_list_is_refused(query):
    async with serve_batch() as batch:
        assert name_problem(await batch.running.get(f"/batch{query}")) == (400, "malformed-request")


async def test_a_job_is_cancelled():
    async with serve_batch() as batch:
        job_id = (await batch.submit(ROWS)).json["job_id"]
        batch.clock.now += 1
        answer = await batch.running.ask("DELETE", f"/batch/{job_id}")
        assert (answer.status, answer.json["status"]) == (200, "cancelled")
        assert answer.json["finished_at"] == MOMENT.replace("40", "41")
        batch.topics.score_all(score_field("a"))
        batch.feed.read()
        assert (await batch.show(job_id))["status"] == "cancelled"


async def test_events_of_a_job_go_to_one_partition():
    async with serve_batch() as batch:
        for _ in range(20):
            job_id = (await batch.submit(ROWS)).json["job_id"]
            await batch.running.ask("DELETE", f"/batch/{job_id}")
        assert {c.order.events_partition for c in batch.topics.chunks} == {0, 1, 2}
        by_job = {}
        for event, partition in batch.topics.events:
            by_job.setdefault(event.job_id, set()).add(partition)
        assert len(by_job) == 20
        assert all(len(partitions) == 1 for partitions in by_job.values())


async def test_a_job_that_has_ended_is_not_cancelled_any_more():
    async with serve_batch() as batch:
        job_id = await batch.succeed(ROWS)
        before = len(batch.topics.events)
        answer = await batch.running.ask("DELETE", f"/batch/{job_id}")
        assert (answer.status, answer.json["status"]) == (200, "succeeded")
        assert len(batch.topics.events) == before


async def test_the_answer_to_a_cancel_waits_until_it_was_read():
    """A worker was faster: then the job has succeeded, and the answer says so."""
    async with serve_batch() as batch:
        job_id = (await batch.submit(ROWS)).json["job_id"]
        batch.feed.read()
        batch.topics.score_all(score_field("a"))
        answer = await batch.running.ask("DELETE", f"/batch/{job_id}")
        assert answer.json["status"] == "succeeded"


REQUESTS = [
    ("POST", "/batch"),
    ("GET", "/batch"),
    ("GET", f"/batch/{UNKNOWN_ID}"),
    ("DELETE", f"/batch/{UNKNOWN_ID}"),
    ("GET", f"/batch/{UNKNOWN_ID}/results"),
]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
async def test_without_kafka_there_are_no_jobs_and_who_asks_fills_no_log(method, path, caplog):
    async with serve() as running:
        answer = await running.ask(method, path)
        assert name_problem_and_pause(answer) == (503, "jobs-unavailable", None)
    assert "request_failed" not in [getattr(record, "event", "") for record in caplog.records]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
async def test_nothing_is_said_of_jobs_before_all_of_them_were_read(method, path):
    async with serve_batch() as batch:
        batch.feed.down = Unavailable("broker:9092 has not been read to its end yet")
        answer = await batch.running.ask(method, path, data=b'{"a": 1}', headers={"Content-Type": NDJSON})
        assert name_problem_and_pause(answer) == (503, "unavailable", "1")
        assert b"broker" not in answer.body
        assert batch.topics.chunks == []


async def test_a_feed_that_does_not_catch_up_is_no_reason_to_say_that_there_is_no_job():
    from scoreline.http.limits import Limits

    async with serve_batch(limits=Limits(timeout_seconds=0.05)) as batch:
        batch.feed.held = True
        answer = await batch.running.get(f"/batch/{UNKNOWN_ID}")
        assert name_problem(answer) == (503, "deadline-exceeded")


async def test_a_head_is_answered_as_a_get_without_its_body():
    async with serve_batch() as batch:
        job_id = await batch.succeed(ROWS)
        for path in ("/batch", f"/batch/{job_id}", f"/batch/{job_id}/results?limit=1"):
            head, got = await batch.running.ask("HEAD", path), await batch.running.get(path)
            assert (head.status, head.body) == (200, b"")
            assert head.headers["Content-Length"] == got.headers["Content-Length"]


async def test_times_keep_their_milliseconds():
    async with serve_batch() as batch:
        for ms in range(0, 1000, 37):
            batch.clock.now = 1_750_000_000 + ms / 1000
            submitted = (await batch.submit(ROWS)).json["submitted_at"]
            assert re.fullmatch(r"2025-06-15T15:06:40\.\d{3}Z", submitted)
            assert abs(int(submitted[-4:-1]) - ms) <= 1


def name_problem_and_pause(answer):
    return (*name_problem(answer), answer.headers.get("Retry-After"))
