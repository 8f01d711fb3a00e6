"""Sorts the records of a batch by the version that each is for."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from scoreline.errors import ModelNotFound, ModelRejected
from scoreline.models.model import ModelVersion, Versions
from scoreline.records import PIN_HEADER, UNREADABLE_HEADERS, Record, find_header


@dataclass(frozen=True, slots=True)
class VersionGroups:
    """Every position of the batch, in exactly one place.

    Attributes:
        by_version: positions in ascending order, with the version that is to score them.
        tombstones: positions of records without a value.
        unreadable: positions of records whose headers the client cannot hand out.
        unknown: positions of records that ask for a version that cannot be had, with the reason.
    """

    by_version: list[tuple[ModelVersion, npt.NDArray[np.intp]]] = field(default_factory=list)
    tombstones: list[int] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)
    unknown: list[tuple[int, str]] = field(default_factory=list)


def group_by_version(records: Sequence[Record], versions: Versions) -> VersionGroups:
    """Resolve every selector of the batch once.

    Raises:
        Unavailable: the model store is away.
        ModelError: there is no live model for records that choose none.
    """
    groups = VersionGroups()
    # An empty value goes the long way as well, to the same place.
    if not any(record.headers() for record in records) and all(record.value() for record in records):
        groups.by_version.append((versions.resolve(None), np.arange(len(records), dtype=np.intp)))
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
    by_number: dict[int, tuple[ModelVersion, list[int]]] = {}
    for selector, positions in by_selector.items():
        text = None if selector is None else selector.decode("utf-8", "replace")
        try:
            version = versions.resolve(text)
        except (ModelNotFound, ModelRejected) as error:
            if text is None:
                raise
            detail = f"{PIN_HEADER}: {text!r}: {error}"
            groups.unknown.extend((i, detail) for i in positions)
        else:
            by_number.setdefault(version.version, (version, []))[1].extend(positions)
    for version, positions in by_number.values():
        positions.sort()
        groups.by_version.append((version, np.array(positions, dtype=np.intp)))
    return groups
