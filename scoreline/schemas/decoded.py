"""What decoding a batch of payloads gives."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoreline.features import Matrix
from scoreline.records import Reason


class Rejected(NamedTuple):
    """One payload that could not be decoded: its position in the batch, and why."""

    row: int
    reason: Reason
    detail: str


class Decoded(NamedTuple):
    """A batch of payloads as columns. Every payload is either one of `rows` or in `rejected`, never both.

    Attributes:
        rows: positions of the decoded payloads in the batch, ascending; shape (kept,).
        features: raw values, not settled yet; shape (kept, features), float64, C-contiguous.
        ids: UTF-8 of the id field of each kept payload, None where it is null; None without an id field.
        event_times_ms: milliseconds since the epoch of each kept payload, None where null; None without such a field.
        rejected: in ascending order of position.
    """

    rows: npt.NDArray[np.intp]
    features: Matrix
    ids: Sequence[bytes | None] | None = None
    event_times_ms: Sequence[int | None] | None = None
    rejected: Sequence[Rejected] = ()
