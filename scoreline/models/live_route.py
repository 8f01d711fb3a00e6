"""A route with its versions loaded: what answers for one selector, as a batch or a request holds on to it."""

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from scoreline.models.model import ModelVersion
from scoreline.models.routes import Route, find_point

_POINTS_IN_DIGEST = 4


@dataclass(frozen=True, slots=True)
class LiveRoute:
    """The one rule by which a key gets its version, on every path.

    Attributes:
        versions: that answer, ascending.
        bounds: see `scoreline.models.routes.Route.bounds`; one less than versions.
        shadows: that score what others have answered, ascending.
    """

    versions: tuple[ModelVersion, ...]
    bounds: tuple[int, ...] = ()
    shadows: tuple[ModelVersion, ...] = ()

    @classmethod
    def load(cls, route: Route, versions: Sequence[ModelVersion]) -> "LiveRoute":
        """The route over loaded versions, which are all that it names, in its order; shadows may be missing."""
        answering = len(route.weights)
        return cls(tuple(versions[:answering]), route.bounds, tuple(versions[answering:]))

    @property
    def only(self) -> ModelVersion | None:
        """The version that answers everything, None where the key decides."""
        return None if self.bounds else self.versions[0]

    @property
    def loaded(self) -> tuple[ModelVersion, ...]:
        """All of its versions: those that answer, then the shadows."""
        return (*self.versions, *self.shadows)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of the versions that answer, ascending."""
        return tuple(version.version for version in self.versions)

    def replace(self, version: ModelVersion) -> "LiveRoute":
        """The same route with another computation of one of its versions; itself where it does not have it."""
        if all(each.version != version.version for each in self.loaded):
            return self
        versions, shadows = (
            tuple(version if each.version == version.version else each for each in group)
            for group in (self.versions, self.shadows)
        )
        return LiveRoute(versions, self.bounds, shadows)

    def __str__(self) -> str:
        text = f"version {self.numbers[0]}" if self.only else f"versions {' and '.join(map(str, self.numbers))}"
        shadows = ", ".join(str(shadow.version) for shadow in self.shadows)
        return f"{text}, shadowed by {shadows}" if shadows else text

    def choose(self, key: bytes) -> ModelVersion:
        """The version that answers for a key."""
        if not self.bounds:
            return self.versions[0]
        return self.versions[bisect_right(self.bounds, find_point(self.versions[0].name, key))]

    def assign(self, keys: Sequence[bytes]) -> npt.NDArray[np.intp]:
        """For each key the position in `versions` of what `choose` gives; shape (keys,)."""
        if not self.bounds:
            return np.zeros(len(keys), dtype=np.intp)
        # As `find_point`, with what all keys share hashed once, and all digests cut at once.
        start = hashlib.sha256(self.versions[0].name.encode() + b"\x00").copy
        digests = []
        for key in keys:
            digest = start()
            digest.update(key)
            digests.append(digest.digest())
        points = np.frombuffer(b"".join(digests), dtype=">u8")[::_POINTS_IN_DIGEST].astype(np.uint64)
        bounds = np.array(self.bounds, dtype=np.uint64)
        if len(bounds) == 1:  # the usual canary; to compare is several times faster than to search
            beyond: npt.NDArray[np.bool_] = points >= bounds[0]
            return beyond.astype(np.intp)
        return np.searchsorted(bounds, points, side="right")


class Versions(Protocol):
    """Finds the loaded versions that a selector stands for."""

    def resolve(self, selector: str | None = None) -> LiveRoute:
        """What a selector means now; loads versions that are not resident.

        Args:
            selector: a version number, an alias or `latest`; None for the configured alias.

        Raises:
            ModelNotFound: the store has answered, and has no such version or alias.
            ModelRejected: it exists, but may not serve.
            Unavailable: the store is away.
        """
        ...

    def find_resident(self, selector: str) -> LiveRoute | None:
        """What `resolve` would give, as far as memory alone can tell; None where it cannot. Never waits."""
        ...
