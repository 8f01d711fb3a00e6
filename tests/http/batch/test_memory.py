"""A million rows on their way in and out, in bounded memory."""

import asyncio
import os
import time
from pathlib import Path

import numpy as np
import pytest

from scoreline.jobs.chunk import Chunk
from scoreline.jobs.result import ChunkResult
from tests.http.batch.batch_sidecars import serve_batch

ROWS = 1_000_000
ROOM_BYTES = 64 * 1024 * 1024

pytestmark = pytest.mark.slow


class Dropped(list[Chunk]):
    """Keeps only how many rows there were of each chunk."""

    def append(self, chunk):
        super().append(Chunk(chunk.order, chunk.number, chunk.first_row, chunk.rows, b""))


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def watch(done, found):
    while not done.is_set():
        found.append(resident_bytes())
        await asyncio.sleep(0.005)


def score_zero(chunk):
    order, nothing = chunk.order, np.zeros(chunk.rows)
    names = (order.job_id, order.submission, chunk.number, chunk.first_row, order.model, order.version)
    return ChunkResult(*names, nothing, (), 1_750_000_000_500)


async def test_a_million_rows_go_in_and_out_in_bounded_memory():
    piece = b'{"a": 1.25, "b": "0123456789012345678901234567890123456789012345678901234567890123456789"}\n' * 1000

    async def body():
        for _ in range(ROWS // 1000):
            yield piece

    async with serve_batch() as batch:
        batch.topics.chunks = Dropped()
        await batch.submit_lines(piece)
        done, found = asyncio.Event(), [resident_bytes()]
        watching = asyncio.create_task(watch(done, found))
        began = time.process_time()
        job = (await batch.submit_lines(body())).json
        uploaded = time.process_time()
        assert job["rows"] == ROWS
        batch.topics.score_all(score_zero)
        batch.feed.read()
        path, lines = f"{batch.running.server.url}/batch/{job['job_id']}/results", 0
        async with batch.running.session.get(path) as answer:
            async for data in answer.content.iter_any():
                lines += data.count(b"\n")
        done.set()
        await watching
    assert lines == ROWS
    grown = max(found) - found[0]
    downloaded = time.process_time()
    print(
        f"{ROWS} rows: {uploaded - began:.2f} s of CPU in, {downloaded - uploaded:.2f} s to score and out, the caller's"
        f" part among them; {grown / 2**20:.1f} MiB more memory"
    )
    assert grown < ROOM_BYTES
