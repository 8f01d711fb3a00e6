"""The client against the routes of batch jobs themselves, over Kafka in memory."""

import pytest

from scoreline.client import AsyncClient
from scoreline.client.errors import ClientError
from scoreline.errors import Unavailable
from scoreline.testing.jobs import MemoryResultReader, score_field
from tests.http.batch.batch_sidecars import serve_batch


def make_client(batch, on_pause=None):
    async def sleep(seconds):
        if on_pause is not None:
            on_pause()

    return AsyncClient(batch.running.server.url, sleep=sleep)


async def test_rows_are_submitted_waited_for_and_read_in_order():
    async with serve_batch() as batch:

        def work():
            if batch.topics.scored < len(batch.topics.chunks):
                batch.topics.score_next(score_field("a"))
            batch.feed.read()

        seen = []
        async with make_client(batch, work) as client:
            job = await client.submit({"a": i} if i % 10 else {} for i in range(3000))
            assert (job.rows, job.chunks > 8) == (3000, True)
            job = await client.wait(job.job_id, progress=lambda job: seen.append(job.chunks_done))
            assert (job.status, job.rows_failed) == ("succeeded", 300)
            assert seen == sorted(seen)
            assert len(set(seen)) > 5
            rows = [row async for row in client.results(job.job_id)]
        assert [row.instance for row in rows] == list(range(3000))
        assert [row.prediction for row in rows] == [float(i) if i % 10 else None for i in range(3000)]
        assert rows[10].errors[0].feature == "a"


async def test_a_small_job_brings_its_results_along():
    async with serve_batch() as batch:
        async with make_client(batch) as client:
            job = await client.submit([{"a": 1.5}, {"a": "x"}])
            batch.topics.score_all(score_field("a", classes=("no", "yes")))
            batch.feed.read()
            job = await client.wait(job.job_id)
        assert job.predictions == (1.0, None)
        assert job.labels == ("yes", None)
        assert job.scores == ((0.0, 1.5), None)
        assert [error.instance for error in job.errors] == [1]


async def test_results_go_on_where_an_answer_breaks_off(monkeypatch):
    """Every answer breaks after three chunks; every row comes once."""
    read = MemoryResultReader.read

    def read_some(reader, places):
        for count, result in enumerate(read(reader, places)):
            if count == 3:
                raise Unavailable("broker:9092 is away")
            yield result

    monkeypatch.setattr(MemoryResultReader, "read", read_some)
    async with serve_batch() as batch:
        job_id = await batch.succeed([{"a": i} for i in range(4000)])
        async with make_client(batch) as client:
            rows = [row.prediction async for row in client.results(job_id)]
        assert rows == [float(i) for i in range(4000)]
        assert len(batch.readers) > 2


async def test_the_same_key_is_the_same_job_and_another_body_an_error():
    async with serve_batch() as batch, make_client(batch) as client:
        first = await client.submit([{"a": 1}], idempotency_key="k")
        assert await client.submit([{"a": 1}], idempotency_key="k") == first
        with pytest.raises(ClientError, match="Idempotency-Key"):
            await client.submit([{"a": 2}], idempotency_key="k")


async def test_jobs_are_listed_and_cancelled():
    async with serve_batch() as batch, make_client(batch) as client:
        job = await client.submit([{"a": 1}])
        assert [each.job_id for each in await client.jobs()] == [job.job_id]
        assert (await client.cancel(job.job_id)).status == "cancelled"
        with pytest.raises(ClientError):
            [row async for row in client.results(job.job_id)]
