"""What can go wrong for a caller of a sidecar, as one tree.

::

    ClientError
    ├── NotSent               what was given cannot be sent: an address, a token, a row that JSON cannot hold
    ├── Unreachable           no whole answer came: nobody there, a broken connection, too late
    │   └── Untrusted         the server's certificate is not one to trust
    ├── UnreadableAnswer      an answer that no sidecar gives
    ├── WaitExpired           a job had not ended in the time that was allowed; it goes on
    └── Rejected              the sidecar has answered, and it is no success
        ├── InvalidRequest    the request is not what it takes (400, 413, 415, 422 and other 4xx)
        │   └── InvalidRows   rows of it cannot be scored; `errors` tells which and why
        ├── Denied            the token is missing, unknown or opens less (401, 403)
        ├── NotFound          no such version, job or route (404)
        ├── Expired           it was there once (410)
        ├── Conflict          not now: a job without results, or without results yet (409)
        ├── Overloaded        too much is asked at once (429)
        └── Unserved          it cannot answer now (5xx)

What is worth trying again was tried again before any of them is raised; see `scoreline.client.retries`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scoreline.client.answers import Job


class ClientError(Exception):
    """Root of all errors that the client raises on purpose."""


class Unreachable(ClientError):
    """No whole answer came; whether the request had an effect is unknown."""


class Untrusted(Unreachable):
    """The server's certificate is not one to trust, so nothing was said to it."""


class UnreadableAnswer(ClientError):
    """An answer came that no sidecar gives: something else listens at the address."""


class WaitExpired(ClientError):
    """A job had not ended in the time that was allowed; it goes on, and may be waited for again.

    Attributes:
        job: as it was when it was last asked for.
    """

    def __init__(self, job: "Job", timeout_seconds: float) -> None:
        super().__init__(
            f"after {timeout_seconds:g} s job {job.job_id} is still {job.status.value} with {job.rows_done} of"
            f" {job.rows} rows done; it goes on: wait again, or cancel it"
        )
        self.job = job
        self._timeout_seconds = timeout_seconds

    def __reduce__(self) -> tuple[type["WaitExpired"], tuple["Job", float]]:
        return type(self), (self.job, self._timeout_seconds)


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one row.

    Attributes:
        instance: position of the row in what was sent, from 0.
        detail: what was expected and what came.
        feature: the feature at fault, where one can be named.
    """

    instance: int
    detail: str
    feature: str | None = None


class NotSent(ClientError):
    """What the caller gave cannot be sent; nothing of it has had an effect. `errors` names rows that are at fault."""

    def __init__(self, message: str, errors: Sequence[RowError] = ()) -> None:
        super().__init__(message)
        self.errors: tuple[RowError, ...] = tuple(errors)


@dataclass(frozen=True, slots=True)
class Problem:
    """What a sidecar says of a request that it did not fulfil.

    Attributes:
        status: the HTTP status.
        type: `urn:scoreline:problem:…`, which callers may rely on; `about:blank` where something else has answered.
        request_id: under which the service's log knows the request; None where something else has answered.
        retry_after_seconds: when to come back; None for what does not pass by itself.
        errors: rows that cannot be scored.
    """

    status: int
    type: str
    title: str
    detail: str
    request_id: str | None = None
    retry_after_seconds: float | None = None
    errors: Sequence[RowError] = ()


class Rejected(ClientError):
    """The sidecar has answered, and it is no success; what it says is in `problem`, and its parts beside it."""

    def __init__(self, problem: Problem) -> None:
        known = "" if problem.request_id is None else f" (request {problem.request_id})"
        super().__init__(f"{problem.status}: {problem.detail}{known}")
        self.problem = problem
        self.status = problem.status
        self.type = problem.type
        self.title = problem.title
        self.detail = problem.detail
        self.request_id = problem.request_id
        self.retry_after_seconds = problem.retry_after_seconds
        self.errors: tuple[RowError, ...] = tuple(problem.errors)

    def __reduce__(self) -> tuple[type["Rejected"], tuple[Problem]]:
        return type(self), (self.problem,)


class InvalidRequest(Rejected):
    """The request is not what the sidecar takes."""


class InvalidRows(InvalidRequest):
    """Rows of the request cannot be scored; `errors` tells which and why."""


class Denied(Rejected):
    """The token is missing, unknown, or opens less than this."""


class NotFound(Rejected):
    """There is no such version, job or route."""


class Expired(Rejected):
    """It was there once, and is kept no longer."""


class Conflict(Rejected):
    """It cannot be had now: a job without results, or without results yet."""


class Overloaded(Rejected):
    """More is asked at once than is allowed."""


class Unserved(Rejected):
    """The sidecar, or what it needs, cannot answer now."""
