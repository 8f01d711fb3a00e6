"""The client for callers that block."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

from scoreline.client.address import Address, Credentials
from scoreline.client.answers import Health, Job, Models, Predictions, RowResult
from scoreline.client.calls import Calls, Options
from scoreline.client.connections import Connections
from scoreline.client.errors import Unreachable
from scoreline.client.exchange import Pause, Reply, Steps
from scoreline.client.results import ResultCursor
from scoreline.client.retries import Clock, Retries
from scoreline.client.uploads import Rows, make_upload
from scoreline.client.waiting import Progress
from scoreline.client.writing import Row

T = TypeVar("T")

TIMEOUT_SECONDS = 30.0


class Client:
    """One sidecar, or many behind one address; may be shared by threads. Close it, or use it as a context.

    Args:
        base_url: `http://HOST:PORT` or `https://…`, with the path that a gateway puts before the routes.
        token: bearer token; never shown.
        token_file: a file with it instead, read anew for every request.
        ca_file: authorities, as PEM, that are trusted instead of this machine's.
        timeout_seconds: for a call with all its attempts; of rows that are sent or read piece by piece, how long
            nothing may move.
        retries: how often and how patiently something is tried again. `resume_stream` and `reload_models` are sent
            once, and a `submit` again only where its rows can be read again.

    Raises:
        NotSent: one of them cannot be meant so. (Every call raises `ClientError`s; see `scoreline.client.errors`.)
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
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._address = Address.parse(base_url)
        self._calls = Calls(Credentials(token, token_file), retries or Retries(), clock, timeout_seconds)
        self._connections = Connections(self._address, self._address.make_tls(ca_file), clock)
        self._sleep = sleep

    def predict(
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
        return self._run(self._calls.predict(instances, Options(version, key, ignore_unknown), explain))

    def submit(
        self,
        rows: Rows,
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
        return self._run(self._calls.submit(make_upload(rows), Options(version, key, ignore_unknown), idempotency_key))

    def wait(self, job_id: str, *, progress: Progress | None = None, timeout_seconds: float | None = None) -> Job:
        """Wait until a job has ended, however it does, also over a sidecar that is away meanwhile.

        Args:
            progress: is called with the job whenever it was asked for.
            timeout_seconds: then `WaitExpired` is raised; None for as long as it takes, unless the sidecar is away for
                longer than `Retries.longest_outage_seconds`.
        """
        return self._run(self._calls.wait(job_id, progress, timeout_seconds))

    def job(self, job_id: str) -> Job:
        """How a job stands."""
        return self._run(self._calls.job(job_id))

    def jobs(self, *, limit: int | None = None) -> tuple[Job, ...]:
        """Recent jobs, the newest first, without their results."""
        return self._run(self._calls.jobs(limit))

    def cancel(self, job_id: str) -> Job:
        """Cancel a job; one that has ended stays as it is."""
        return self._run(self._calls.cancel(job_id))

    def results(self, job_id: str, *, offset: int = 0) -> Generator[RowResult, None, None]:
        """The rows of a job that has succeeded, in order, as they arrive; goes on where a connection breaks.

        Once it has begun, it outlasts a sidecar that is away for up to `Retries.longest_outage_seconds`.

        Args:
            offset: the first row that is wanted, from 0.
        """
        cursor = ResultCursor(self._calls, job_id, offset)
        self._run(cursor.begin())
        while not cursor.done:
            reply = self._run(cursor.connect())
            with closing(cast("Generator[bytes, None, None]", reply.pieces)) as pieces:
                try:
                    for piece in pieces:
                        yield from cursor.take(piece)
                except Unreachable as error:
                    cursor.note_break(error)
                else:
                    cursor.end()

    def health(self) -> Health:
        """How the process is; that it is not ready is an answer and no error."""
        return self._run(self._calls.health())

    def models(self) -> Models:
        """Versions and aliases of the served model."""
        return self._run(self._calls.models())

    def features(self, *, version: str | int | None = None) -> tuple[str, ...]:
        """Names of the features that a row may have.

        Args:
            version: as for `predict`; of an alias that several versions answer they are those of all of them.
        """
        return self._run(self._calls.features(version))

    def resume_stream(self) -> None:
        """Let one window of records pass the breaker (needs the role admin)."""
        self._run(self._calls.order("/stream/resume"))

    def reload_models(self) -> Mapping[str, Any]:
        """Have the sidecar see now what its alias means, and tell what came of it (needs the role admin)."""
        return self._run(self._calls.order("/models/reload"))

    def close(self) -> None:
        """Close the connections that are kept."""
        self._connections.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._address.url!r})"

    def _run(self, steps: Steps[T]) -> T:
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
                self._sleep(step.seconds)
                continue
            try:
                reply = self._connections.exchange(step)
            except Unreachable as error:
                failure = error
