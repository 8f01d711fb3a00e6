"""Sidecars with batch jobs over topics in memory, which several of them may share."""

import io
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from scoreline.http.batch.body import NDJSON, SILENCE_SECONDS
from scoreline.http.batch.routes import MAX_LINE_BYTES, MAX_ROWS, JobServing
from scoreline.jobs.view import JobView
from scoreline.testing.jobs import (
    MemoryEventFeed,
    MemoryJobPublisher,
    MemoryJobTopics,
    MemoryResultReader,
    Score,
    score_field,
)
from tests.http.sidecars import Answered, Running, serve

RETENTION_SECONDS = 1000.0
_MOST_AT_ONCE = 1024 * 1024
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


@dataclass
class Time:
    """A wall clock that stands."""

    now: float = 1_750_000_000.123

    def __call__(self) -> float:
        return self.now


@dataclass
class Batch:
    """A sidecar with its part of Kafka."""

    running: Running
    topics: MemoryJobTopics
    publisher: MemoryJobPublisher
    feed: MemoryEventFeed
    view: JobView
    clock: Time
    readers: list[MemoryResultReader] = field(default_factory=list)

    @property
    def streams(self) -> int:
        """Callers that are being sent lines."""
        return self.running.sidecar._serving._batch._streams.open

    async def submit(self, instances: Any, query: str = "", **headers: str) -> Answered:
        """Instances as one JSON body; of a header's name `_` is `-`."""
        return await self.running.ask(
            "POST", f"/batch{query}", json={"instances": instances}, headers=_name_headers(headers)
        )

    async def submit_lines(self, body: Any, query: str = "", **headers: str) -> Answered:
        """NDJSON: bytes, or an asynchronous iterator of them."""
        named = {"Content-Type": NDJSON, **_name_headers(headers)}
        data = io.BytesIO(body) if isinstance(body, bytes) and len(body) > _MOST_AT_ONCE else body
        return await self.running.ask("POST", f"/batch{query}", data=data, headers=named)

    async def succeed(self, instances: Any, score: Score | None = None) -> str:
        """Submit, score and read a job; its id."""
        answer = await self.submit_lines(write_lines(instances))
        assert answer.status == 202, answer.body
        self.topics.score_all(score or score_field("a"))
        self.feed.read()
        job_id: str = answer.json["job_id"]
        return job_id

    async def show(self, job_id: str) -> Any:
        answer = await self.running.get(f"/batch/{job_id}")
        assert answer.status == 200, answer.body
        return answer.json

    async def results(self, job_id: str, query: str = "", **headers: str) -> Answered:
        return await self.running.get(f"/batch/{job_id}/results{query}", headers=headers)


@asynccontextmanager
async def serve_batch(
    topics: MemoryJobTopics | None = None,
    *,
    gate: threading.Semaphore | None = None,
    max_rows: int = MAX_ROWS,
    max_line_bytes: int = MAX_LINE_BYTES,
    silence_seconds: float = SILENCE_SECONDS,
    **options: Any,
) -> AsyncIterator[Batch]:
    """A sidecar with a feed of its own."""
    topics = MemoryJobTopics() if topics is None else topics
    clock = Time()
    view = JobView(clock, results_retention_seconds=RETENTION_SECONDS)
    publisher, feed = MemoryJobPublisher(topics), MemoryEventFeed(topics, view)
    readers: list[MemoryResultReader] = []

    def open_reader(should_stop: Callable[[], bool]) -> MemoryResultReader:
        readers.append(MemoryResultReader(topics, gate, should_stop))
        return readers[-1]

    jobs = JobServing(publisher, feed, view, open_reader, max_rows, max_line_bytes, silence_seconds)
    async with serve(jobs=jobs, wall_clock=clock, **options) as running:
        yield Batch(running, topics, publisher, feed, view, clock, readers)


def write_lines(rows: Any) -> bytes:
    """Rows as NDJSON."""
    return msgspec.json.Encoder().encode_lines(list(rows))


def read_lines(body: bytes) -> list[Mapping[str, Any]]:
    """The lines of an answer."""
    return msgspec.json.Decoder().decode_lines(body)


def name_problem(answer: Answered) -> tuple[int, str]:
    """Status and slug of a problem."""
    return answer.status, answer.json["type"].removeprefix("urn:scoreline:problem:")


def _name_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
