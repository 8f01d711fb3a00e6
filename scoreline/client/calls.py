"""Every call to a sidecar, once: which requests it makes, and what its answers mean. No I/O."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from scoreline.client.address import Credentials
from scoreline.client.answers import Health, Job, Models, Predictions
from scoreline.client.errors import NotSent
from scoreline.client.exchange import Reply, Request, Steps
from scoreline.client.reading import (
    read_answering,
    read_features,
    read_health,
    read_job,
    read_jobs,
    read_json,
    read_models,
    read_predictions,
)
from scoreline.client.retries import Clock, Retries, Terms, send
from scoreline.client.uploads import Upload
from scoreline.client.waiting import Progress, wait_for_end
from scoreline.client.writing import Row, write_instances

JSON = b"application/json"
NDJSON = b"application/x-ndjson"


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
        self._answered = False

    def predict(self, instances: Sequence[Row], options: Options, explain: int | None) -> Steps[Predictions]:
        """`POST /predict`."""
        query = options.make_query() | ({} if explain is None else {"explain": str(explain)})
        body = write_instances(instances)
        headers = {"Content-Type": JSON, **options.make_headers()}
        request = self._make("POST", "/predict", query, headers, body)
        return read_predictions((yield from self._send(request, self._terms())))

    def submit(self, upload: Upload[Any], options: Options, idempotency_key: str | None) -> Steps[Job]:
        """`POST /batch`, with a key always: so it may be sent again, and there is one job all the same."""
        key = str(uuid.uuid4()) if idempotency_key is None else idempotency_key
        headers = {
            "Content-Type": NDJSON,
            "Idempotency-Key": write_header("idempotency key", key),
            **options.make_headers(),
        }
        request = self._make("POST", "/batch", options.make_query(), headers, upload)
        return read_job((yield from self._send(request, self._terms(bounded=False))))

    def job(self, job_id: str) -> Steps[Job]:
        """`GET /batch/{job_id}`."""
        return self._fetch(job_id, self._terms())

    def jobs(self, limit: int | None) -> Steps[tuple[Job, ...]]:
        """`GET /batch`."""
        query = {} if limit is None else {"limit": str(limit)}
        return read_jobs((yield from self._send(self._make("GET", "/batch", query), self._terms())))

    def cancel(self, job_id: str) -> Steps[Job]:
        """`DELETE /batch/{job_id}`."""
        return read_job((yield from self._send(self._make("DELETE", write_job_path(job_id)), self._terms())))

    def wait(self, job_id: str, progress: Progress | None, timeout_seconds: float | None) -> Steps[Job]:
        """`GET /batch/{job_id}` until the job has ended."""
        return wait_for_end(
            lambda last_look: self._fetch(job_id, self._make_lasting_terms(last_look)),
            self._clock,
            progress,
            timeout_seconds,
        )

    def open_results(self, job_id: str, offset: int) -> Steps[Reply]:
        """`GET /batch/{job_id}/results` as lines, from a row on; the reply is streamed, and an outage is outlasted."""
        query = {"offset": str(offset)} if offset else {}
        request = self._make("GET", f"{write_job_path(job_id)}/results", query, {"Accept": NDJSON})
        return (yield from self._send(request, self._make_lasting_terms(), streamed=True))

    def health(self) -> Steps[Health]:
        """`GET /health`."""
        return read_health((yield from self._send(self._make("GET", "/health"), self._terms(), accepted=(503,))))

    def models(self) -> Steps[Models]:
        """`GET /models`."""
        return read_models((yield from self._send(self._make("GET", "/models"), self._terms())))

    def features(self, version: str | int | None) -> Steps[tuple[str, ...]]:
        """`GET /models/{version}` of each version that may answer, after what it is that may."""
        numbers: Sequence[str | int]
        if version is not None and str(version).isdecimal():
            numbers = [version]
        elif version is None:
            numbers = read_answering((yield from self._get("/models")), "live")
        else:
            numbers = read_answering((yield from self._get(write_path("/models", str(version), "a version"))))
        names: list[str] = []
        for number in numbers:
            names += read_features((yield from self._get(write_path("/models", str(number), "a version"))))
        return tuple(dict.fromkeys(names))

    def order(self, target: str) -> Steps[Mapping[str, Any]]:
        """A `POST` without rows that an administrator makes; sent once."""
        request = self._make("POST", target, headers={"Content-Type": JSON}, body=b"{}", idempotent=False)
        return read_json((yield from self._send(request, self._terms())))

    def _fetch(self, job_id: str, terms: Terms) -> Steps[Job]:
        return read_job((yield from self._send(self._make("GET", write_job_path(job_id)), terms)))

    def _get(self, path: str) -> Steps[Reply]:
        return self._send(self._make("GET", path), self._terms())

    def _send(
        self, request: Request, terms: Terms, *, streamed: bool = False, accepted: Collection[int] = ()
    ) -> Steps[Reply]:
        reply = yield from send(request, terms, streamed=streamed, accepted=accepted)
        self._answered = True
        return reply

    def _terms(self, *, bounded: bool = True) -> Terms:
        retries = self.retries if self._answered else self.retries.at_first
        deadline = self._clock() + self._timeout_seconds if bounded else None
        return Terms(retries, self._clock, self._timeout_seconds, deadline)

    def _make_lasting_terms(self, deadline: float | None = None) -> Terms:
        """For what goes on until then, or else over an outage of a length that is allowed."""
        give_up_at = None if deadline is not None else self._clock() + self.retries.longest_outage_seconds
        return Terms(self.retries.endless, self._clock, self._timeout_seconds, deadline, give_up_at)

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


def write_path(root: str, name: str, what: str) -> str:
    """The path of something by its name.

    Raises:
        NotSent: it is no name, and the path would be another one.
    """
    if name in ("", ".", ".."):
        raise NotSent(f"expected {what}, but it is {name!r}")
    return f"{root}/{quote(name, safe='')}"


def write_job_path(job_id: str) -> str:
    """The path of a job.

    Raises:
        NotSent: it is no id.
    """
    return write_path("/batch", job_id, "the id of a job")


def write_header(what: str, value: str) -> bytes:
    """A value as a header carries it, which is without blanks around it.

    Raises:
        NotSent: a header would not carry it, or not as it is.
    """
    if value != value.strip() or not value or not all(c.isprintable() for c in value):
        raise NotSent(f"the {what}: expected printable text without blanks around it, but it is {value!r}")
    return value.encode()
