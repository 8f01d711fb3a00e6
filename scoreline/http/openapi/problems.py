"""How the OpenAPI document tells of errors: by status, from the one table of problems."""

from collections.abc import Iterable, Mapping
from typing import Any

from scoreline.errors import Overloaded
from scoreline.http.errors import (
    PROBLEM_JSON,
    PROBLEMS,
    TYPE_PREFIX,
    MethodNotAllowed,
    ProblemDetails,
    Unauthenticated,
    UnsupportedMediaType,
)
from scoreline.http.openapi.schemas import refer_to

_RETRY_AFTER = "Retry-After"

_HEADERS: Mapping[type[Exception], tuple[str, str, bool]] = {
    Unauthenticated: ("WWW-Authenticate", "How to present a token.", True),
    MethodNotAllowed: ("Allow", "The methods that the path takes.", True),
    UnsupportedMediaType: ("Accept-Encoding", "Encodings that are taken, where the body's is not.", False),
}
"""Of answers to some errors: name, what it says, and whether it is always there."""


def describe_problems(errors: Iterable[type[Exception]]) -> dict[int, dict[str, Any]]:
    """By status, a response for those of the errors that have it.

    Args:
        errors: classes of the table; twice is as good as once.
    """
    by_status: dict[int, list[type[Exception]]] = {}
    for error in dict.fromkeys(errors):
        by_status.setdefault(PROBLEMS[error].status, []).append(error)
    return {status: _describe(status, found) for status, found in sorted(by_status.items())}


def _describe(status: int, errors: list[type[Exception]]) -> dict[str, Any]:
    problems = [PROBLEMS[error] for error in errors]
    types = sorted({TYPE_PREFIX + problem.slug for problem in problems})
    told = {"properties": {"type": {"enum": types}, "status": {"const": status}}}
    return {
        "description": "; ".join(dict.fromkeys(p.title for p in problems)),
        "headers": _describe_headers(errors),
        "content": {PROBLEM_JSON: {"schema": {"allOf": [refer_to(ProblemDetails), told]}}},
    }


def _describe_headers(errors: list[type[Exception]]) -> dict[str, Any]:
    headers = {
        name: {"description": text, "required": always and len(errors) == 1, "schema": {"type": "string"}}
        for name, text, always in (_HEADERS[error] for error in errors if error in _HEADERS)
    }
    waits = [issubclass(e, Overloaded) or PROBLEMS[e].retry_after_seconds is not None for e in errors]
    if any(waits):
        headers[_RETRY_AFTER] = {
            "description": "Seconds after which the same may work.",
            "required": all(waits),
            "schema": {"type": "integer", "minimum": 1},
        }
    return headers
