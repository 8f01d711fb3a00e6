"""Jobs: sent, waited for, cancelled, listed."""

import asyncio
import io
import tracemalloc
from datetime import UTC, datetime

import pytest

from scoreline.client import AsyncClient, Client, Job, JobStatus, Retries, RowError
from scoreline.client.errors import Denied, Expired, InvalidRequest, NotSent, Unreachable, UnreadableAnswer, WaitExpired
from scoreline.client.uploads import PIECE_BYTES
from tests.client.jobs import tell_job
from tests.client.scripted import answering, cutting, refusing, scripted, write_answer

ROWS = [{"a": 1}, {"a": 2.5, "b": "UA"}, {"a": None}]
LINES = b'{"a":1}\n{"a":2.5,"b":"UA"}\n{"a":null}\n'
QUEUED = answering(202, tell_job(), Location="/batch/j-1")


def test_a_job_is_a_value(connect):
    with scripted(QUEUED) as server:
        job = connect(server.url).submit(ROWS)

    submitted_at = datetime(2026, 3, 1, 10, 0, 0, 125_000, UTC)
    assert job == Job("j-1", JobStatus.QUEUED, "m", 3, 3, 0, 0, 1, 0, submitted_at)
    assert not job.ended


MAKERS = {
    "list": lambda: ROWS,
    "generator": lambda: (row for row in ROWS),
    "bytes": lambda: LINES,
    "memory": lambda: memoryview(LINES),
    "file": lambda: io.BytesIO(LINES),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_rows_are_sent_as_lines_whatever_they_come_in(connect, make):
    rows = make()
    with scripted(QUEUED) as server:
        connect(server.url).submit(rows)

    (asked,) = server.asked
    assert asked.body == LINES
    assert asked.headers["content-type"] == "application/x-ndjson"
    assert asked.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in asked.headers


def test_a_file_is_sent_from_where_it_stands(connect):
    file = io.BytesIO(b"header\n" + LINES)
    file.readline()
    with scripted(cutting, QUEUED) as server:
        connect(server.url).submit(file)

    assert [asked.body for asked in server.asked] == [LINES, LINES]


def test_what_is_asked_for_stands_in_query_and_headers(connect):
    with scripted(QUEUED) as server:
        connect(server.url).submit(ROWS, version=7, key="k", ignore_unknown=True, idempotency_key="mine")

    (asked,) = server.asked
    assert asked.path == "/batch?version=7&ignore_unknown=true"
    assert asked.headers["idempotency-key"] == "mine"
    assert asked.headers["x-request-key"] == "k"


def test_rows_that_can_be_read_again_are_sent_again_under_the_same_new_key(connect):
    with scripted(cutting, refusing(503, Retry_After="1"), QUEUED, QUEUED) as server:
        client = connect(server.url)
        client.submit(ROWS)
        client.submit(ROWS)

    keys = [asked.headers["idempotency-key"] for asked in server.asked]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert {asked.body for asked in server.asked} == {LINES}


def test_rows_that_are_gone_are_not_sent_again(connect):
    """Half of them would be another job."""
    with scripted(cutting, QUEUED) as server:
        with pytest.raises(Unreachable):
            connect(server.url).submit(iter(ROWS))
        assert len(server.asked) == 1


def test_rows_of_which_none_was_taken_are_not_gone(connect):
    with scripted() as server:
        url = server.url
    with pytest.raises(Unreachable):
        connect(url, retries=Retries(attempts=3, draw=lambda: 0.0)).submit(iter(ROWS))
    assert connect.watch.slept == [0.1, 0.2]


@pytest.mark.parametrize("rows", ["text", {"a": 1}, 7, None])
def test_what_are_no_rows_is_not_sent(connect, rows):
    with scripted() as server, pytest.raises(NotSent, match="expected rows"):
        connect(server.url).submit(rows)

    assert server.asked == []


def abandoned(turn):
    """Read an upload that breaks off."""
    with pytest.raises(ValueError, match="invalid literal"):
        turn.take()
    turn.note()
    turn.cut()


def test_a_row_that_json_cannot_hold_breaks_the_upload_off(connect):
    with scripted(abandoned) as server, pytest.raises(NotSent, match="row 1: JSON cannot hold a set"):
        connect(server.url).submit([{"a": 1}, {"a": {2}}])

    assert len(server.asked) <= 1


def test_a_row_with_a_number_that_json_does_not_have_is_for_the_sidecar_to_tell(connect):
    """It is one row that cannot be scored, and no reason to refuse a job."""
    with scripted(QUEUED) as server:
        connect(server.url).submit([{"a": float("nan")}, {"a": 1}])

    assert server.asked[0].body == b'{"a":NaN}\n{"a":1}\n'


@pytest.mark.parametrize("error", [OSError("disk"), EOFError("end")])
def test_rows_that_cannot_be_read_are_no_broken_connection(connect, error):
    def read():
        yield {"a": 1}
        raise error

    with scripted(abandoned, QUEUED) as server, pytest.raises(NotSent, match="the rows cannot be read"):
        connect(server.url).submit(read())


def test_an_error_of_the_callers_own_comes_back_as_it_is(connect):
    def read():
        yield {"a": 1}
        raise ZeroDivisionError

    with scripted(abandoned) as server, pytest.raises(ZeroDivisionError):
        connect(server.url).submit(read())


def test_a_file_of_text_is_refused(connect):
    with scripted(abandoned) as server, pytest.raises(NotSent, match="open it to read bytes"):
        connect(server.url).submit(io.StringIO("{}\n"))


def test_an_upload_that_is_refused_early_stops(connect):
    """The refusal is told, not the connection that ends with it; what is left is not even read."""

    def refuse(turn):
        turn.note()
        turn.send(write_answer(403, {"title": "No", "detail": "not with this token"}))
        turn.linger()

    taken = []

    def read():
        for i in range(1_000_000):
            taken.append(i)
            yield {"a": "x" * 1000}

    with scripted(refuse) as server, pytest.raises(Denied, match="not with this token"):
        connect(server.url).submit(read())
    assert len(taken) < 100_000


@pytest.mark.slow
@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_many_rows_are_sent_in_bounded_memory(flavour):
    def drain(turn):
        count = sum(piece.count(b"\n") for piece in turn._read_chunks())
        turn.send(write_answer(202, tell_job(rows=count)))

    rows = ({"a": "x" * 1000} for _ in range(50_000))
    with scripted(drain) as server:
        tracemalloc.start()
        if flavour == "sync":
            with Client(server.url) as client:
                job = client.submit(rows)
        else:

            async def submit():
                async with AsyncClient(server.url) as client:
                    return await client.submit(rows)

            job = asyncio.run(submit())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert job.rows == 50_000
    assert most < 40 * PIECE_BYTES


async def test_rows_may_come_asynchronously():
    async def read():
        for row in ROWS:
            await asyncio.sleep(0)
            yield row

    with scripted(QUEUED) as server:
        async with AsyncClient(server.url) as client:
            assert (await client.submit(read())).job_id == "j-1"

    assert server.asked[0].body == LINES


async def test_an_upload_that_is_cancelled_breaks_off():
    waiting = asyncio.Event()

    async def read():
        yield {"a": 1}
        waiting.set()
        await asyncio.Event().wait()

    with scripted(abandoned) as server:
        async with AsyncClient(server.url) as client:
            call = asyncio.ensure_future(client.submit(read()))
            await asyncio.wait_for(waiting.wait(), 5)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call


def test_waiting_asks_again_with_growing_pauses_until_the_job_has_ended(connect):
    steps = [answering(200, tell_job("running", rows=9, rows_done=i)) for i in range(4)]
    done = tell_job("succeeded", finished_at="2026-03-01T10:00:09.000Z", predictions=[0.5, None, 1.5],
                    errors=[{"instance": 1, "feature": "a", "detail": "is null"}])  # fmt: skip
    seen = []
    with scripted(*steps, answering(200, done)) as server:
        job = connect(server.url).wait("j-1", progress=lambda job: seen.append(job.rows_done))

    assert seen == [0, 1, 2, 3, 0]
    assert connect.watch.slept == pytest.approx([0.05, 0.075, 0.1125, 0.16875])
    assert (job.status, job.ended) == (JobStatus.SUCCEEDED, True)
    assert job.predictions == (0.5, None, 1.5)
    assert job.errors == (RowError(1, "is null", "a"),)
    assert job.finished_at == datetime(2026, 3, 1, 10, 0, 9, tzinfo=UTC)


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_waiting_ends_however_the_job_does(connect, status):
    with scripted(answering(200, tell_job(status, detail="a chunk cannot be read"))) as server:
        job = connect(server.url).wait("j-1")

    assert job.status == status
    assert job.detail == "a chunk cannot be read"


def test_waiting_has_an_end_that_is_not_slept_over(connect):
    with scripted(*[answering(200, tell_job("running", rows_done=2))] * 100) as server:
        with pytest.raises(WaitExpired, match=r"after 20 s job j-1 is still running with 2 of 3 rows") as caught:
            connect(server.url).wait("j-1", timeout_seconds=20)
        assert server.asked[-1].path == "/batch/j-1"

    assert sum(connect.watch.slept) == pytest.approx(20)
    assert max(connect.watch.slept) <= 5.0
    assert caught.value.job.rows_done == 2


def test_waiting_outlasts_a_sidecar_that_catches_up(connect):
    busy = [refusing(503, Retry_After="1")] * 3
    with scripted(*busy, cutting, answering(200, tell_job("succeeded"))) as server:
        assert connect(server.url).wait("j-1").ended


def test_waiting_outlasts_a_sidecar_that_is_away_for_minutes(connect):
    away = [cutting] * 30 + [refusing(503, Retry_After="20")] * 5
    done = answering(200, tell_job("succeeded"))
    with scripted(answering(200, tell_job("running")), *away, done) as server:
        assert connect(server.url, retries=Retries(attempts=1, draw=lambda: 0.0)).wait("j-1").ended

    assert 200 < sum(connect.watch.slept) < 300


def test_waiting_does_not_outlast_everything(connect):
    with scripted(*[cutting] * 99) as server, pytest.raises(Unreachable):
        connect(server.url, retries=Retries(longest_outage_seconds=40, draw=lambda: 0.0)).wait("j-1")

    assert 35 <= sum(connect.watch.slept) < 40


def test_waiting_outlasts_a_sidecar_that_is_away_until_its_own_time_is_over(connect):
    with scripted(answering(200, tell_job("running")), *[cutting] * 999) as server:
        with pytest.raises(WaitExpired, match="after 200 s job j-1 is still running") as caught:
            connect(server.url).wait("j-1", timeout_seconds=200)
        assert isinstance(caught.value.__cause__, Unreachable)

    assert sum(connect.watch.slept) == pytest.approx(200, abs=1.0)


def test_a_sidecar_that_is_back_at_the_very_end_is_asked_then(connect):
    """Asked to come back later than that, a caller still looks when its time ends, not before."""
    away = refusing(503, Retry_After="30")
    with scripted(away, answering(200, tell_job("succeeded"))) as server:
        assert connect(server.url).wait("j-1", timeout_seconds=20).ended

    assert connect.watch.slept == [20]


def test_a_job_that_was_not_to_be_had_at_all_is_no_wait_that_has_expired(connect):
    with scripted(*[cutting] * 99) as server, pytest.raises(Unreachable):
        connect(server.url).wait("j-1", timeout_seconds=10)

    assert sum(connect.watch.slept) == pytest.approx(10, abs=1.0)


@pytest.mark.parametrize("timeout_seconds", [None, 100])
def test_what_does_not_pass_ends_a_wait(connect, timeout_seconds):
    with scripted(answering(200, tell_job("running")), refusing(410, "results-gone")) as server:
        with pytest.raises(Expired):
            connect(server.url).wait("j-1", timeout_seconds=timeout_seconds)
        assert len(server.asked) == 2


def test_jobs_are_listed_and_cancelled(connect):
    listed = {"jobs": [tell_job(), tell_job("failed", job_id="j-0")], "next": None}
    with scripted(answering(200, listed), answering(200, listed), answering(200, tell_job("cancelled"))) as server:
        client = connect(server.url)
        assert [job.job_id for job in client.jobs()] == ["j-1", "j-0"]
        client.jobs(limit=2)
        assert client.cancel("j-1").status == "cancelled"

    asked = [(each.method, each.path) for each in server.asked]
    assert asked == [("GET", "/batch"), ("GET", "/batch?limit=2"), ("DELETE", "/batch/j-1")]


def test_what_is_kept_no_longer_is_told_as_such(connect):
    with scripted(refusing(410, "job-expired")) as server, pytest.raises(Expired):
        connect(server.url).job("j-1")


def test_another_body_under_a_key_is_refused(connect):
    with scripted(refusing(422, "idempotency-mismatch")) as server, pytest.raises(InvalidRequest):
        connect(server.url).submit(ROWS, idempotency_key="mine")


def test_the_id_of_a_job_cannot_lead_elsewhere(connect):
    with scripted(answering(200, tell_job())) as server:
        client = connect(server.url)
        client.job("../models?x=1")
        with pytest.raises(NotSent, match="id of a job"):
            client.job("..")

    assert server.asked[0].path == "/batch/..%2Fmodels%3Fx%3D1"


@pytest.mark.parametrize("told", [{}, {"job_id": "j"}, tell_job() | {"status": "resting"}, tell_job() | {"rows": None}])
def test_what_is_no_job_is_an_error(connect, told):
    with scripted(answering(200, told)) as server, pytest.raises(UnreadableAnswer, match="not shaped"):
        connect(server.url, retries=Retries(attempts=1)).job("j-1")
