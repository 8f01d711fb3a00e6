"""The one table from what went wrong to HTTP, and problem+json made from it.

Errors that only HTTP knows are named here; they end with the request and never leave this package.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from scoreline.errors import (
    ConfigError,
    DeliveryError,
    FatalClientError,
    FeatureNotFound,
    InvalidInstances,
    MalformedRequest,
    ModelNotFound,
    ModelRejected,
    NotExplainable,
    Overloaded,
    RecordTooLarge,
    Refused,
    RequestTooLarge,
    ResultsGone,
    SchemaIncompatible,
    SchemaNotFound,
    ServiceError,
    StopOverdue,
    TooManyDeadLetters,
    Unavailable,
)
from scoreline.http.exchange import Answer

PROBLEM_JSON = "application/problem+json"
TYPE_PREFIX = "urn:scoreline:problem:"
ABANDONED_STATUS = 499
"""What metrics and logs show for a caller that went away; nobody is there to be answered."""

_SHOWN_DETAIL = 500
_FIRST_SERVER_STATUS = 500


class Refusal(Exception):
    """Root of what only HTTP knows; `headers` go into the answer."""

    def __init__(self, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.headers = headers


class Unauthenticated(Refusal):
    """No token, or one that nobody was given."""


class Forbidden(Refusal):
    """The token's role does not open this route."""


class RouteNotFound(Refusal):
    """There is nothing at this path."""


class UnknownModel(Refusal):
    """No model of this name is served here."""


class MethodNotAllowed(Refusal):
    """There is something at this path, but not under this method."""


class HeadTooSlow(Refusal):
    """Request line and headers did not arrive in time."""


class HeadTooLarge(Refusal):
    """Request line and headers are more than is read of them."""


class BodyTooSlow(Refusal):
    """The body did not arrive in time."""


class ExpectationFailed(Refusal):
    """The caller expects of the server what it does not do."""


class UnsupportedMediaType(Refusal):
    """The body is of a type or in an encoding that is not taken here."""


class DeadlineExceeded(Refusal):
    """The answer was not ready in time."""


class NoLiveModel(Refusal):
    """The alias that answers when nobody names a version does not name one."""


class JobNotFound(Refusal):
    """No batch job has this id."""


class JobNotFinished(Refusal):
    """Results of a batch job were asked for before it has ended."""


class NoResults(Refusal):
    """Results were asked for of a batch job that has ended without."""


class IdempotencyKeyReused(Refusal):
    """Something else was submitted under this idempotency key before."""


class SubmissionUncertain(Refusal):
    """A batch job was uploaded, and nobody knows whether Kafka has taken its submission."""


class JobsUnavailable(Refusal):
    """This process has no Kafka for batch jobs to live in."""


@dataclass(frozen=True, slots=True)
class Problem:
    """How one kind of error is told.

    Attributes:
        slug: end of its `type`, which callers may rely on.
        detail: instead of the error's own words, where these may say more than a caller should know.
        retry_after_seconds: for situations that pass by themselves.
        as_configured: whether it tells how the process was started, which no operator has to be told of again.
    """

    status: int
    slug: str
    title: str
    detail: str | None = None
    retry_after_seconds: float | None = None
    as_configured: bool = False


class InstanceFault(msgspec.Struct, kw_only=True):
    """What is wrong with one instance; `feature` only where it is one feature's fault."""

    instance: int
    feature: str | msgspec.UnsetType = msgspec.UNSET
    detail: str


class ProblemDetails(msgspec.Struct):
    """The body of every error: what went wrong, and for rows that cannot be scored which and why.

    Attributes:
        error: all of it in one text, for clients of the Open Inference Protocol; only under `/v2`.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: list[InstanceFault] | msgspec.UnsetType = msgspec.UNSET
    error: str | msgspec.UnsetType = msgspec.UNSET


_INTERNAL = "the request failed inside the service; its log has the reason under the request's id"

PROBLEMS: Mapping[type[Exception], Problem] = {
    MalformedRequest: Problem(400, "malformed-request", "The request cannot be read"),
    Unauthenticated: Problem(401, "unauthenticated", "A bearer token is needed"),
    Forbidden: Problem(403, "forbidden", "The token does not open this route"),
    RouteNotFound: Problem(404, "route-not-found", "There is nothing at this path"),
    ModelNotFound: Problem(
        404,
        "unknown-version",
        "There is no such version",
        "the served model has no version or alias of this name; GET /models lists those that it has",
    ),
    FeatureNotFound: Problem(404, "unknown-feature", "There is no such feature"),
    JobNotFound: Problem(404, "unknown-job", "There is no such job"),
    UnknownModel: Problem(404, "unknown-model", "There is no such model"),
    MethodNotAllowed: Problem(405, "method-not-allowed", "The path does not take this method"),
    HeadTooSlow: Problem(408, "head-too-slow", "The headers did not arrive in time"),
    BodyTooSlow: Problem(408, "body-too-slow", "The body did not arrive in time"),
    JobNotFinished: Problem(409, "job-not-finished", "The job has not ended yet", None, 1.0),
    NoResults: Problem(409, "no-results", "The job has ended without results"),
    ResultsGone: Problem(410, "results-gone", "The results are not kept any more"),
    RequestTooLarge: Problem(413, "too-large", "The request is too large"),
    UnsupportedMediaType: Problem(415, "unsupported-media-type", "The body is not of a type that is taken here"),
    ExpectationFailed: Problem(417, "expectation-failed", "The expectation cannot be met"),
    InvalidInstances: Problem(422, "invalid-instances", "Instances cannot be scored"),
    NotExplainable: Problem(422, "not-explainable", "The model cannot be explained"),
    IdempotencyKeyReused: Problem(422, "idempotency-key-reused", "The idempotency key stands for something else"),
    Overloaded: Problem(429, "overloaded", "Too much is asked at once"),
    HeadTooLarge: Problem(431, "head-too-large", "The headers are too large"),
    ConfigError: Problem(500, "internal", "The service is wrongly configured", _INTERNAL),
    SchemaNotFound: Problem(500, "internal", "A schema is missing", _INTERNAL),
    SchemaIncompatible: Problem(500, "internal", "A schema does not fit", _INTERNAL),
    FatalClientError: Problem(503, "unavailable", "The service is about to restart", _INTERNAL, 5.0),
    DeliveryError: Problem(503, "unavailable", "The broker did not take it", _INTERNAL, 1.0),
    RecordTooLarge: Problem(503, "unavailable", "The broker does not take a record of this size", _INTERNAL, 1.0),
    StopOverdue: Problem(503, "unavailable", "The service is stopping", _INTERNAL, 5.0),
    TooManyDeadLetters: Problem(503, "unavailable", "The stream has stopped itself", _INTERNAL, 60.0),
    NoLiveModel: Problem(503, "no-live-model", "No model is live"),
    ModelRejected: Problem(
        503, "version-rejected", "The version cannot serve", "the artifact of this version was found unfit to serve"
    ),
    Refused: Problem(
        503, "unavailable", "Something that is needed refuses", "a system that the service needs refuses its request"
    ),
    Unavailable: Problem(
        503, "unavailable", "Something that is needed is away", "a system that the service needs is away for now", 1.0
    ),
    SubmissionUncertain: Problem(503, "unavailable", "It is not known whether the job was submitted", None, 1.0),
    JobsUnavailable: Problem(503, "jobs-unavailable", "There are no batch jobs here", as_configured=True),
    DeadlineExceeded: Problem(503, "deadline-exceeded", "The answer was not ready in time", None, 1.0),
    Exception: Problem(500, "internal", "The request failed", _INTERNAL),
}


def find_problem(error: Exception) -> Problem:
    """How an error is told: by its nearest class in the table."""
    return next(PROBLEMS[c] for c in type(error).__mro__ if c in PROBLEMS)


def answer_problem(error: Exception) -> Answer:
    """The problem+json that answers an error."""
    problem = find_problem(error)
    detail = problem.detail or str(error)[:_SHOWN_DETAIL]
    body = ProblemDetails(TYPE_PREFIX + problem.slug, problem.title, problem.status, detail)
    if isinstance(error, InvalidInstances):
        body.errors = [
            InstanceFault(
                instance=p.instance, feature=msgspec.UNSET if p.feature is None else p.feature, detail=p.detail
            )
            for p in error.problems
        ]
    headers = error.headers if isinstance(error, Refusal) else ()
    retry_after = error.retry_after_seconds if isinstance(error, Overloaded) else problem.retry_after_seconds
    if retry_after is not None:
        headers = (*headers, ("Retry-After", str(max(1, math.ceil(retry_after)))))
    return Answer(problem.status, msgspec.json.encode(body), PROBLEM_JSON, headers, problem=problem.title)


def is_failure(error: Exception) -> bool:
    """Whether the log has to tell an operator of an error; the access log has the others."""
    if not isinstance(error, ServiceError | Refusal):
        return True
    problem = find_problem(error)
    return is_server_fault(problem.status) and not problem.as_configured


def is_server_fault(status: int) -> bool:
    """Whether the service, not its caller, has to do something about it."""
    return status >= _FIRST_SERVER_STATUS
