"""The one table from what went wrong to the exit code, and how it is told on a terminal."""

import sys
from collections.abc import Mapping
from typing import TextIO

from scoreline.errors import (
    ConfigError,
    DeliveryError,
    DependencyError,
    FatalClientError,
    InvalidInstances,
    MalformedRequest,
    ModelError,
    NotExplainable,
    Overloaded,
    RequestTooLarge,
    ResultsGone,
    SchemaError,
    ServiceError,
    TooManyDeadLetters,
)

SUCCESS = 0
CRASHED = 1
MISUSED = 2
LACKING = 3

EXIT_CODES: Mapping[type[ServiceError], int] = {
    ConfigError: MISUSED,
    InvalidInstances: MISUSED,
    MalformedRequest: MISUSED,
    NotExplainable: MISUSED,
    RequestTooLarge: MISUSED,
    DependencyError: LACKING,
    SchemaError: LACKING,
    ModelError: LACKING,
    ResultsGone: LACKING,
    DeliveryError: LACKING,
    TooManyDeadLetters: LACKING,
    Overloaded: LACKING,
    FatalClientError: CRASHED,
}
"""2: the configuration or the arguments; 3: something that is needed is missing or refuses; 1: a crash."""


def find_exit_code(error: ServiceError) -> int:
    """The exit code of an error: that of its nearest class in the table."""
    return next((EXIT_CODES[c] for c in type(error).__mro__ if c in EXIT_CODES), CRASHED)


def report(error: ServiceError, stream: TextIO | None = None) -> None:
    """Tell what went wrong on stderr, every problem on a line of its own."""
    out = stream or sys.stderr
    problems = _problems(error)
    if len(problems) == 1:
        print(f"error: {problems[0]}", file=out)
        return
    print(f"error: {len(problems)} problems", file=out)
    for problem in problems:
        print(f"  - {problem}", file=out)


def _problems(error: ServiceError) -> list[str]:
    if isinstance(error, ConfigError):
        return list(error.problems)
    if isinstance(error, InvalidInstances):
        named = ((p, f", {p.feature}" if p.feature else "") for p in error.problems)
        return [f"row {p.instance}{feature}: {p.detail}" for p, feature in named]
    return [str(error)]
