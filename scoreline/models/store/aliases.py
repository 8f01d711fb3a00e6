"""What aliases mean, and everything that they have ever meant: one file a change, created once."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from scoreline.errors import ModelRejected
from scoreline.models.names import check_alias, check_model_name, is_alias
from scoreline.models.routes import Route
from scoreline.models.store.objects import ObjectStore

_ENTRY = re.compile(r"([1-9][0-9]*)\.json")


@dataclass(frozen=True, slots=True)
class AliasEntry:
    """What an alias meant from one moment on.

    Attributes:
        sequence: of the entry in the alias's history, from 1.
        set_at: ISO 8601 in UTC.
        repeats: sequence of the entry that a rollback went back to, None for any other change.
    """

    sequence: int
    route: Route
    set_at: str
    by: str
    repeats: int | None = None


class _RouteJson(msgspec.Struct, frozen=True):
    weights: dict[str, int]
    shadows: tuple[int, ...] = ()


class _EntryJson(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry as it is kept; one of version and route. Keys that a newer writer added are ignored."""

    set_at: str
    by: str
    version: int | None = None
    route: _RouteJson | None = None
    repeats: int | None = None


class Aliases:
    """Entries of aliases; `name` is always the model's. Safe to use from several threads and processes at once.

    Args:
        now: the time as entries note it.
    """

    def __init__(self, objects: ObjectStore, now: Callable[[], str]) -> None:
        self._objects = objects
        self._now = now

    def names(self, name: str) -> list[str]:
        """Aliases of a model that mean something, sorted."""
        found = sorted(alias for alias in self._objects.list(f"{name}/aliases") if is_alias(alias))
        return [alias for alias in found if self.last_sequence(name, alias)]

    def latest(self, name: str, alias: str) -> AliasEntry | None:
        """What an alias means now; None where there is no such alias.

        Raises:
            ModelRejected: the entry is damaged.
        """
        last = self.last_sequence(name, alias)
        return self.read(name, alias, last) if last else None

    def history(self, name: str, alias: str) -> tuple[AliasEntry, ...]:
        """All entries of an alias, oldest first.

        Raises:
            ModelRejected: an entry is damaged.
        """
        return tuple(self.read(name, alias, each) for each in range(1, self.last_sequence(name, alias) + 1))

    def append(self, name: str, alias: str, sequence: int, route: Route, *, by: str, repeats: int | None) -> bool:
        """Add an entry; False where its number is taken."""
        kept = _RouteJson({str(version): weight for version, weight in route.weights}, route.shadows)
        # A plain version is kept as one, so that releases which know nothing of routes can read it.
        plain = route.only is not None and not route.shadows
        content = _EntryJson(
            set_at=self._now(),
            by=by,
            version=route.only if plain else None,
            route=None if plain else kept,
            repeats=repeats,
        )
        return self._objects.create(_path(name, alias, sequence), msgspec.json.encode(content))

    def last_sequence(self, name: str, alias: str) -> int:
        """Number of the latest entry; 0 without any.

        Raises:
            ConfigError: nothing can have that name.
        """
        check_model_name(name)
        check_alias(alias)
        files = self._objects.list(f"{name}/aliases/{alias}")
        return max((int(match[1]) for match in map(_ENTRY.fullmatch, files) if match), default=0)

    def read(self, name: str, alias: str, sequence: int) -> AliasEntry:
        """One entry of an alias.

        Raises:
            ModelRejected: it is damaged; the message has the command that says anew what the alias means.
        """
        try:
            content = msgspec.json.decode(self._objects.read(_path(name, alias, sequence)), type=_EntryJson)
            return AliasEntry(sequence, _read_route(content), content.set_at, content.by, content.repeats)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise ModelRejected(
                f"entry {sequence} of alias {alias!r} of {name} cannot be used: {error}; say anew what it means: "
                f"scoreline models alias {name} {alias} VERSION"
            ) from error


def _read_route(content: _EntryJson) -> Route:
    if content.route is not None:
        weights = {int(version): weight for version, weight in content.route.weights.items()}
        return Route.of(weights, content.route.shadows)
    if content.version is None:
        raise ValueError("it has neither a version nor a route")
    return Route.to(content.version)


def _path(name: str, alias: str, sequence: int) -> str:
    return f"{name}/aliases/{alias}/{sequence}.json"
