"""A route as it is typed, checked against the store: everything that is wrong with it is told at once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scoreline.cli.model_store import choose_version
from scoreline.errors import ConfigError, ModelNotFound

if TYPE_CHECKING:
    from scoreline.models.routes import Route
    from scoreline.models.store import ModelStore


def read_route(store: "ModelStore", name: str, alias: str, shares: Sequence[str], shadows: Sequence[str]) -> "Route":
    """The route that an alias is to mean.

    Args:
        shares: each VERSION=WEIGHT.
        shadows: selectors.

    Raises:
        ConfigError: with everything that is wrong.
        ModelNotFound: only versions are missing; with all of them.
        ModelRejected, Unavailable, Refused: what the store says of what a selector means.
    """
    from scoreline.models.names import check_alias
    from scoreline.models.routes import Route, find_problems

    arguments = _Arguments(store, name)
    try:
        check_alias(alias)
    except ConfigError as error:
        arguments.problems += error.problems
    weights = arguments.read_shares(shares)
    watching = [number for number in map(arguments.choose, shadows) if number is not None]
    if weights:
        arguments.problems += find_problems(weights, watching)
    arguments.raise_for_any()
    return Route.of(weights, tuple(watching))


class _Arguments:
    """Reads arguments, and collects what is wrong with them."""

    def __init__(self, store: "ModelStore", name: str) -> None:
        self._store = store
        self._name = name
        self.problems: list[str] = []
        self._missing: list[str] = []

    def read_shares(self, shares: Sequence[str]) -> dict[int, int]:
        """Weights by version; a version whose weight is none counts with 1, so that the rest can be checked with it."""
        weights: dict[int, int] = {}
        for share in shares:
            version, separator, weight = share.partition("=")
            valid = bool(separator) and weight.isascii() and weight.isdecimal()
            if not valid:
                self.problems.append(f"{share!r} should be VERSION=WEIGHT, as in 3=90")
            number = self.choose(version) if separator else None
            if number is None:
                continue
            if number in weights:
                self.problems.append(f"version {number} has two weights")
            weights[number] = int(weight) if valid else 1
        return weights

    def choose(self, selector: str) -> int | None:
        """The version that a selector means; None, and a problem more, where it means none."""
        try:
            return choose_version(self._store, self._name, selector)
        except ConfigError as error:
            self.problems += error.problems
        except ModelNotFound as error:
            self._missing.append(str(error))
        return None

    def raise_for_any(self) -> None:
        """Tell of everything that was found, once."""
        missing = list(dict.fromkeys(self._missing))
        if self.problems:
            raise ConfigError(*dict.fromkeys(self.problems), *missing)
        if missing:
            raise ModelNotFound("; ".join(missing))
