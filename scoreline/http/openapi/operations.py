"""What a route says of itself, as plain values: `/openapi.json` is made from it, and nothing else is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from scoreline.http.exchange import JSON


class Location(StrEnum):
    """Where a parameter stands."""

    QUERY = "query"
    PATH = "path"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a caller may say beside the body.

    Attributes:
        schema: of its text, as JSON Schema.
        required: always true of what stands in the path.
    """

    name: str
    location: Location
    schema: Mapping[str, Any]
    description: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """One form that a body may have.

    Attributes:
        type: what msgspec reads or writes; None for what is no JSON, where it is text.
    """

    media_type: str
    type: Any = None


@dataclass(frozen=True, slots=True)
class Operation:
    """What one route takes and what it answers.

    Attributes:
        summary: in a line; empty where the route's own line says it all.
        body: forms that it takes, any of them; empty where it reads no body.
        answers: by status, the forms that an answer may have; several of one media type are alternatives.
        problems: classes of the table in `scoreline.http.errors` that it may be answered with, beyond those that any
            route may be answered with and those of its door.
    """

    summary: str = ""
    description: str = ""
    parameters: Sequence[Parameter] = ()
    body: Sequence[Content] = ()
    answers: Mapping[int, Sequence[Content]] = field(default_factory=dict)
    problems: Sequence[type[Exception]] = ()


def as_json(*types: Any) -> tuple[Content, ...]:
    """JSON of one of these types, as a body or as an answer."""
    return tuple(Content(JSON, each) for each in types)
