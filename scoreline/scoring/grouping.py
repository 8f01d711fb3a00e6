"""Sorts the records of a batch by the version that each is for."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scoreline.errors import ModelNotFound, ModelRejected
from scoreline.models.live_route import LiveRoute, Versions
from scoreline.models.model import ModelVersion
from scoreline.records import PIN_HEADER, UNREADABLE_HEADERS, Record, find_header

FindIds = Callable[[Sequence[Record]], Sequence[bytes]]
"""The ids that the predictions of records will have, UTF-8: what stands in for a key that a record does not have."""


@dataclass(frozen=True, slots=True)
class VersionGroup:
    """The records that one version is to score on behalf of one route.

    Attributes:
        positions: in the batch, ascending; shape (records,).
        shadows: that score them, too, once they are answered.
    """

    version: ModelVersion
    positions: npt.NDArray[np.intp]
    shadows: tuple[ModelVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchGroups:
    """Every position of the batch, in exactly one place.

    Attributes:
        by_version: what is to be scored; a version that several selectors mean may have several groups.
        tombstones: positions of records without a value.
        unreadable: positions of records whose headers the client cannot hand out.
        unknown: positions of records that ask for a version that cannot be had, with the reason.
    """

    by_version: list[VersionGroup] = field(default_factory=list)
    tombstones: list[int] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)
    unknown: list[tuple[int, str]] = field(default_factory=list)


def group_by_version(records: Sequence[Record], versions: Versions, find_ids: FindIds) -> BatchGroups:
    """Resolve every selector of the batch once, and have the keys choose where it is a route.

    Raises:
        Unavailable: the model store is away, or the schema registry, where ids have to be read.
        ModelError: there is no live model for records that choose none.
    """
    groups = BatchGroups()
    # An empty value goes the long way as well, to the same place.
    if not any(record.headers() for record in records) and all(record.value() for record in records):
        everything = np.arange(len(records), dtype=np.intp)
        groups.by_version.extend(_split(records, everything, versions.resolve(None), find_ids))
        return groups
    by_selector: defaultdict[bytes | None, list[int]] = defaultdict(list)
    for i, record in enumerate(records):
        if record.value() is None:
            groups.tombstones.append(i)
        elif record.headers():
            if find_header(record, UNREADABLE_HEADERS) is not None:
                groups.unreadable.append(i)
                continue
            by_selector[find_header(record, PIN_HEADER)].append(i)
        else:
            by_selector[None].append(i)
    found: dict[tuple[int, ...], list[VersionGroup]] = {}
    for selector, positions in by_selector.items():
        text = None if selector is None else selector.decode("utf-8", "replace")
        try:
            route = versions.resolve(text)
        except (ModelNotFound, ModelRejected) as error:
            if text is None:
                raise
            detail = f"{PIN_HEADER}: {text!r}: {error}"
            groups.unknown.extend((i, detail) for i in positions)
        else:
            for group in _split(records, np.array(positions, dtype=np.intp), route, find_ids):
                names = (group.version.version, *(shadow.version for shadow in group.shadows))
                found.setdefault(names, []).append(group)
    groups.by_version.extend(map(_merge, found.values()))
    return groups


def _split(
    records: Sequence[Record], positions: npt.NDArray[np.intp], route: LiveRoute, find_ids: FindIds
) -> list[VersionGroup]:
    if route.only is not None:
        return [VersionGroup(route.only, positions, route.shadows)]
    chosen = records if len(positions) == len(records) else [records[i] for i in positions.tolist()]
    assigned = route.assign(_find_keys(chosen, find_ids))
    found = ((version, positions[assigned == i]) for i, version in enumerate(route.versions))
    return [VersionGroup(version, mine, route.shadows) for version, mine in found if len(mine)]


def _find_keys(records: Sequence[Record], find_ids: FindIds) -> list[bytes]:
    """Each record's own key, else the id that its prediction will have."""
    keys = [record.key() for record in records]
    present = [key for key in keys if key is not None]
    if len(present) == len(keys):
        return present
    ids = iter(find_ids([record for record, key in zip(records, keys, strict=True) if key is None]))
    return [next(ids) if key is None else key for key in keys]


def _merge(groups: Sequence[VersionGroup]) -> VersionGroup:
    """Several selectors may mean the same."""
    first = groups[0]
    if len(groups) == 1:
        return first
    return VersionGroup(first.version, np.sort(np.concatenate([group.positions for group in groups])), first.shadows)
