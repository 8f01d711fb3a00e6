"""Every call to a sidecar, once: which requests it makes, and what its answers mean. No I/O."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from scoreline.client.address import Credentials
from scoreline.client.answers import Health, Job, Models, Predictions
from scoreline.client.errors import NotSent, WaitExpired
from scoreline.client.exchange import Pause, Reply, Request, Steps
from scoreline.client.reading import read_health, read_job, read_jobs, read_json, read_models, read_predictions
from scoreline.client.retries import Clock, Retries, Terms, send
from scoreline.client.uploads import Upload
from scoreline.client.writing import Row, write_instances

JSON = b"application/json"
NDJSON = b"application/x-ndjson"

FIRST_POLL_SECONDS = 0.05
LONGEST_POLL_SECONDS = 5.0
POLL_GROWTH = 1.5
LAST_LOOK_SECONDS = 1.0
"""A wait that ends looks once more, and that takes no longer."""

Progress = Callable[[Job], object]


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may say of how rows are scored.

    Attributes:
        version: a number, an alias or `latest`; None for the alias that answers by default.
        key: chooses the version where that is a route; None for a new one each time.
        ignore_unknown: whether features that the model does not know are skipped; else they are refused.
    """

    version: str | int | None = None
    key: str | None = None
    ignore_unknown: bool = False

    def make_query(self) -> dict[str, str]:
        """The part of it that is said in the query."""
        query = {} if self.version is None else {"version": str(self.version)}
        return query | ({"ignore_unknown": "true"} if self.ignore_unknown else {})

    def make_headers(self) -> dict[str, bytes]:
        """The part of it that is said in headers."""
        return {} if self.key is None else {"X-Request-Key": write_header("key", self.key)}


class Calls:
    """Makes the steps of calls.

    Args:
        timeout_seconds: for a call with all its attempts; where rows are sent or read piece by piece, how long nothing
            may move.
    """

    def __init__(self, credentials: Credentials, retries: Retries, clock: Clock, timeout_seconds: float) -> None:
        self._credentials = credentials
        self.retries = retries
        self._clock = clock
        self._timeout_seconds = timeout_seconds

    def predict(self, instances: Sequence[Row], options: Options, explain: int | None) -> Steps[Predictions]:
        """`POST /predict`."""
        query = options.make_query() | ({} if explain is None else {"explain": str(explain)})
        body = write_instances(instances)
        headers = {"Content-Type": JSON, **options.make_headers()}
        request = self._make("POST", "/predict", query, headers, body)
        return read_predictions((yield from send(request, self._terms())))

    def submit(self, upload: Upload[Any], options: Options, idempotency_key: str | None) -> Steps[Job]:
        """`POST /batch`, with a key always: so it may be sent again, and there is one job all the same."""
        key = str(uuid.uuid4()) if idempotency_key is None else idempotency_key
        headers = {
            "Content-Type": NDJSON,
            "Idempotency-Key": write_header("idempotency key", key),
            **options.make_headers(),
        }
        request = self._make("POST", "/batch", options.make_query(), headers, upload)
        return read_job((yield from send(request, self._terms(bounded=False))))

    def job(self, job_id: str) -> Steps[Job]:
        """`GET /batch/{job_id}`."""
        return self._fetch(job_id, self._terms())

    def jobs(self, limit: int | None) -> Steps[tuple[Job, ...]]:
        """`GET /batch`."""
        query = {} if limit is None else {"limit": str(limit)}
        return read_jobs((yield from send(self._make("GET", "/batch", query), self._terms())))

    def cancel(self, job_id: str) -> Steps[Job]:
        """`DELETE /batch/{job_id}`."""
        return read_job((yield from send(self._make("DELETE", write_path(job_id)), self._terms())))

    def wait(self, job_id: str, progress: Progress | None, timeout_seconds: float | None) -> Steps[Job]:
        """`GET /batch/{job_id}` until the job has ended, with pauses that grow."""
        deadline = None if timeout_seconds is None else self._clock() + timeout_seconds
        pause = FIRST_POLL_SECONDS
        while True:
            last_look = None if deadline is None else max(deadline, self._clock() + LAST_LOOK_SECONDS)
            job = yield from self._fetch(job_id, self._terms(last_look))
            if progress is not None:
                progress(job)
            if job.ended:
                return job
            remaining = pause if deadline is None else deadline - self._clock()
            if timeout_seconds is not None and remaining <= 0:
                raise WaitExpired(job, timeout_seconds)
            yield Pause(min(pause, remaining))
            pause = min(pause * POLL_GROWTH, LONGEST_POLL_SECONDS)

    def open_results(self, job_id: str, offset: int) -> Steps[Reply]:
        """`GET /batch/{job_id}/results` as lines, from a row on; the reply is streamed."""
        query = {"offset": str(offset)} if offset else {}
        request = self._make("GET", f"{write_path(job_id)}/results", query, {"Accept": NDJSON})
        return (yield from send(request, self._terms(bounded=False), streamed=True))

    def health(self) -> Steps[Health]:
        """`GET /health`."""
        return read_health((yield from send(self._make("GET", "/health"), self._terms(), accepted=(503,))))

    def models(self) -> Steps[Models]:
        """`GET /models`."""
        return read_models((yield from send(self._make("GET", "/models"), self._terms())))

    def order(self, target: str) -> Steps[Mapping[str, Any]]:
        """A `POST` without rows that an administrator makes; sent once."""
        request = self._make("POST", target, headers={"Content-Type": JSON}, body=b"{}", idempotent=False)
        return read_json((yield from send(request, self._terms())))

    def _fetch(self, job_id: str, terms: Terms) -> Steps[Job]:
        return read_job((yield from send(self._make("GET", write_path(job_id)), terms)))

    def _terms(self, deadline: float | None = None, *, bounded: bool = True) -> Terms:
        own = self._clock() + self._timeout_seconds if bounded else None
        earliest = min((each for each in (own, deadline) if each is not None), default=None)
        return Terms(self.retries, self._clock, self._timeout_seconds, earliest)

    def _make(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, bytes] | None = None,
        body: bytes | Upload[Any] | None = None,
        *,
        idempotent: bool = True,
    ) -> Request:
        target = f"{path}?{urlencode(query)}" if query else path
        told = {"Accept": JSON, "User-Agent": b"scoreline-client", **(headers or {}), **self._credentials.read_header()}
        return Request(method, target, told, body, idempotent)


def write_path(job_id: str) -> str:
    """The path of a job.

    Raises:
        NotSent: it is no id, and the path would be another one.
    """
    if job_id in ("", ".", ".."):
        raise NotSent(f"expected the id of a job, but it is {job_id!r}")
    return f"/batch/{quote(job_id, safe='')}"


def write_header(what: str, value: str) -> bytes:
    """A value as a header carries it, which is without blanks around it.

    Raises:
        NotSent: a header would not carry it, or not as it is.
    """
    if value != value.strip() or not value or not all(c.isprintable() for c in value):
        raise NotSent(f"the {what}: expected printable text without blanks around it, but it is {value!r}")
    return value.encode()
