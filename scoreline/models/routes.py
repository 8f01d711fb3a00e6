"""What an alias means: one version, or shares of several, with versions that are only watched."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TypedDict

KEY_SPACE = 2**64
"""Points of keys are whole numbers below this."""

MOST_WEIGHT = 1_000_000
MOST_VERSIONS = 16


class RouteAnswer(TypedDict, total=False):
    """A route for people and callers: a version, or weights by version number and the shadows."""

    version: int
    weights: dict[str, int]
    shadows: list[int]


def find_point(model: str, key: bytes) -> int:
    """Where a key lies among all keys of a model: the same on every path, in every process and release.

    Returns:
        The first 8 bytes, big-endian, of SHA-256(model name, 0x00, key bytes); from 0 below `KEY_SPACE`.
    """
    return int.from_bytes(hashlib.sha256(b"%b\x00%b" % (model.encode(), key)).digest()[:8], "big")


def find_problems(weights: Mapping[int, int], shadows: Collection[int]) -> list[str]:
    """Everything that is wrong with a route of these weights and shadows; nothing where it can be one."""
    versions = {*weights, *shadows}
    problems = [
        f"a weight is a whole number from 1 to {MOST_WEIGHT:,}, but that of version {version} is {weight}"
        for version, weight in sorted(weights.items())
        if not 1 <= weight <= MOST_WEIGHT
    ]
    problems += [
        f"version {version} answers already, so it cannot be its own shadow"
        for version in sorted(set(shadows) & set(weights))
    ]
    if not weights:
        problems.append("a route needs a version that answers")
    if versions and min(versions) < 1:
        problems.append(f"versions are numbered from 1, but one is {min(versions)}")
    if len(versions) > MOST_VERSIONS:
        problems.append(f"a route has at most {MOST_VERSIONS} versions, but this one has {len(versions)}")
    return problems


def find_naming(aliases: Mapping[str, "Route"], version: int) -> list[str]:
    """The aliases that name a version, be it as a shadow; sorted."""
    return sorted(alias for alias, route in aliases.items() if version in route.versions)


@dataclass(frozen=True, slots=True)
class Route:
    """Shares of versions, and shadows, which score what others have answered.

    Attributes:
        weights: (version, weight) in ascending order of the versions; whole numbers from 1.
        shadows: versions in ascending order.
    """

    weights: tuple[tuple[int, int], ...]
    shadows: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        versions = self.answering
        if versions != tuple(sorted(set(versions))) or self.shadows != tuple(sorted(set(self.shadows))):
            raise ValueError("the versions of a route have to ascend, each of them once")
        problems = find_problems(dict(self.weights), self.shadows)
        if problems:
            raise ValueError("; ".join(problems))

    @classmethod
    def to(cls, version: int) -> "Route":
        """The route on which one version answers everything."""
        return cls(((version, 1),))

    @classmethod
    def of(cls, weights: Mapping[int, int], shadows: tuple[int, ...] = ()) -> "Route":
        """A route from weights and shadows in any order; a shadow that is named twice counts once.

        Raises:
            ValueError: it can be none.
        """
        return cls(tuple(sorted(weights.items())), tuple(sorted(set(shadows))))

    @property
    def answering(self) -> tuple[int, ...]:
        """The versions that answer, ascending."""
        return tuple(version for version, _ in self.weights)

    @property
    def versions(self) -> tuple[int, ...]:
        """All versions that it names: those that answer, then the shadows."""
        return (*self.answering, *self.shadows)

    @property
    def only(self) -> int | None:
        """The version that answers everything, None where several do."""
        return self.weights[0][0] if len(self.weights) == 1 else None

    @property
    def bounds(self) -> tuple[int, ...]:
        """Of each version but the last, the first point that is beyond its share.

        Version i answers a key when its point / 2^64 lies below the cumulative weights up to i over all weights: with
        whole numbers that can be said exactly.
        """
        sums = list(accumulate(weight for _, weight in self.weights))
        return tuple(-(-upto * KEY_SPACE // sums[-1]) for upto in sums[:-1])

    def to_json(self) -> RouteAnswer:
        """For people and callers, as a value that JSON can hold."""
        if self.only is not None and not self.shadows:
            return {"version": self.only}
        return {"weights": {str(version): weight for version, weight in self.weights}, "shadows": list(self.shadows)}

    def __str__(self) -> str:
        whole = sum(weight for _, weight in self.weights)
        shares = ", ".join(f"{version} ({weight / whole:.4g} of all)" for version, weight in self.weights)
        text = f"version {self.only}" if self.only is not None else f"versions {shares}"
        return text + (f", shadowed by {', '.join(map(str, self.shadows))}" if self.shadows else "")
