"""What `/models` and `/models/{version}` answer, as types that the listing makes and the OpenAPI document tells."""

from typing import Required, TypedDict

from scoreline.models.routes import RouteAnswer


class LiveAnswer(RouteAnswer, total=False):
    """The configured alias and what it means."""

    alias: Required[str]


class ReloadAnswer(TypedDict):
    """What came of the latest look at the alias."""

    outcome: str
    detail: str | None


class VersionAnswer(TypedDict):
    """One version: what it is called, and what computes it where it is loaded."""

    version: int
    aliases: list[str]
    loaded: bool
    engine: str | None
    compiling: bool
    not_compiled: str | None


class DifferenceAnswer(TypedDict):
    """Of the shadow's score minus the answered one; null where scores do not compare."""

    mean: float | None
    quantiles: dict[str, float | None]
    overflowed: int


class ShadowAnswer(TypedDict):
    """How a shadow compares with a version that answers."""

    version: int
    shadow: int
    count: int
    difference: DifferenceAnswer
    agreement: float | None
    rank_correlation: float | None


class ListingAnswer(TypedDict):
    """Versions and aliases of the served model; `problem` says why the store could not be asked."""

    model: str
    live: LiveAnswer
    reload: ReloadAnswer
    aliases: dict[str, RouteAnswer]
    problem: str | None
    versions: list[VersionAnswer]
    shadows: list[ShadowAnswer]


class AliasAnswer(RouteAnswer, total=False):
    """An alias that several versions answer."""

    name: Required[str]
    alias: Required[str]
