"""The client for callers that await."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

from scoreline.client.address import Address, Credentials
from scoreline.client.answers import Health, Job, Models, Predictions, RowResult
from scoreline.client.calls import Calls, Options
from scoreline.client.errors import Unreachable
from scoreline.client.exchange import Pause, Reply, Steps
from scoreline.client.results import ResultCursor
from scoreline.client.retries import Clock, Retries
from scoreline.client.streams import Streams
from scoreline.client.sync import TIMEOUT_SECONDS
from scoreline.client.uploads import Rows, make_async_upload
from scoreline.client.waiting import Progress
from scoreline.client.writing import Row

T = TypeVar("T")


class AsyncClient:
    """`Client` for callers that await: the same arguments, calls and errors, and what is said there holds here.

    Belongs to one event loop. A call that is cancelled ends at once, and its connection with it. Close it, or use it as
    a context. Rows of `submit` may also come from an asynchronous iterable.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        token_file: str | Path | None = None,
        ca_file: str | Path | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        retries: Retries | None = None,
        clock: Clock = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._address = Address.parse(base_url)
        self._calls = Calls(Credentials(token, token_file), retries or Retries(), clock, timeout_seconds)
        self._streams = Streams(self._address, self._address.make_tls(ca_file))
        self._sleep = sleep

    async def predict(
        self,
        instances: Sequence[Row],
        *,
        version: str | int | None = None,
        key: str | None = None,
        ignore_unknown: bool = False,
        explain: int | None = None,
    ) -> Predictions:
        """Score rows at once.

        Args:
            instances: mappings of feature and value.
            version: a number, an alias or `latest`; None for the alias that answers by default.
            key: chooses the version where that is a route: equal keys, equal versions.
            ignore_unknown: whether features that the model does not know are skipped; else they are refused.
            explain: how many features of each row are told with what they contributed; None for no explanation.
        """
        return await self._run(self._calls.predict(instances, Options(version, key, ignore_unknown), explain))

    async def submit(
        self,
        rows: Rows | AsyncIterable[Row],
        *,
        version: str | int | None = None,
        key: str | None = None,
        ignore_unknown: bool = False,
        idempotency_key: str | None = None,
    ) -> Job:
        """Send rows to be scored in the background, in bounded memory however many there are.

        Args:
            rows: mappings, or NDJSON as bytes or as a file that was opened to read bytes.
            version, key, ignore_unknown: as for `predict`; the version is chosen now.
            idempotency_key: the same rows under the same key are one job, whenever they are sent; a new one by default.
        """
        return await self._run(
            self._calls.submit(make_async_upload(rows), Options(version, key, ignore_unknown), idempotency_key)
        )

    async def wait(self, job_id: str, *, progress: Progress | None = None, timeout_seconds: float | None = None) -> Job:
        """Wait until a job has ended, however it does, also over a sidecar that is away meanwhile.

        Args:
            progress: is called with the job whenever it was asked for.
            timeout_seconds: then `WaitExpired` is raised; None for as long as it takes, unless the sidecar is away for
                longer than `Retries.longest_outage_seconds`.
        """
        return await self._run(self._calls.wait(job_id, progress, timeout_seconds))

    async def job(self, job_id: str) -> Job:
        """How a job stands."""
        return await self._run(self._calls.job(job_id))

    async def jobs(self, *, limit: int | None = None) -> tuple[Job, ...]:
        """Recent jobs, the newest first, without their results."""
        return await self._run(self._calls.jobs(limit))

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job; one that has ended stays as it is."""
        return await self._run(self._calls.cancel(job_id))

    async def results(self, job_id: str, *, offset: int = 0) -> AsyncGenerator[RowResult, None]:
        """The rows of a job that has succeeded, in order, as they arrive; goes on where a connection breaks.

        Once it has begun, it outlasts a sidecar that is away for up to `Retries.longest_outage_seconds`.

        Args:
            offset: the first row that is wanted, from 0.
        """
        cursor = ResultCursor(self._calls, job_id, offset)
        await self._run(cursor.begin())
        while not cursor.done:
            reply = await self._run(cursor.connect())
            async with aclosing(cast("AsyncGenerator[bytes, None]", reply.pieces)) as pieces:
                try:
                    async for piece in pieces:
                        for row in cursor.take(piece):
                            yield row
                except Unreachable as error:
                    cursor.note_break(error)
                else:
                    cursor.end()

    async def health(self) -> Health:
        """How the process is; that it is not ready is an answer and no error."""
        return await self._run(self._calls.health())

    async def models(self) -> Models:
        """Versions and aliases of the served model."""
        return await self._run(self._calls.models())

    async def features(self, *, version: str | int | None = None) -> tuple[str, ...]:
        """Names of the features that a row may have.

        Args:
            version: as for `predict`; of an alias that several versions answer they are those of all of them.
        """
        return await self._run(self._calls.features(version))

    async def resume_stream(self) -> None:
        """Let one window of records pass the breaker (needs the role admin)."""
        await self._run(self._calls.order("/stream/resume"))

    async def reload_models(self) -> Mapping[str, Any]:
        """Have the sidecar see now what its alias means, and tell what came of it (needs the role admin)."""
        return await self._run(self._calls.order("/models/reload"))

    async def close(self) -> None:
        """Close the connections that are kept."""
        await self._streams.close()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._address.url!r})"

    async def _run(self, steps: Steps[T]) -> T:
        """Do what a call asks for, until it has its result."""
        reply: Reply | None = None
        failure: Unreachable | None = None
        while True:
            try:
                step = steps.send(reply) if failure is None else steps.throw(failure)
            except StopIteration as ended:
                return cast("T", ended.value)
            reply = failure = None
            if isinstance(step, Pause):
                await self._sleep(step.seconds)
                continue
            try:
                reply = await self._streams.exchange(step)
            except Unreachable as error:
                failure = error
