"""What became of the rows of one chunk."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class RowError:
    """Something wrong with one row; a row may have several.

    Attributes:
        row: position in the chunk, from 0.
        feature: at fault, where one can be named.
    """

    row: int
    detail: str
    feature: str | None = None


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """Predictions of a chunk, with errors where there are none.

    Attributes:
        predictions: shape (rows,); NaN exactly for the rows in `errors`; of a multi-class model the lowest index of the
            largest score.
        classes: names of a multi-class model, else empty.
        scores: shape (rows, classes); None for any other model.
        errors: ascending by row.
    """

    job_id: str
    submission: str
    number: int
    first_row: int
    model: str
    version: int
    predictions: npt.NDArray[np.float64]
    errors: Sequence[RowError]
    scored_at_ms: int
    classes: tuple[str, ...] = ()
    scores: npt.NDArray[np.float64] | None = None

    @property
    def rows(self) -> int:
        """How many rows the chunk has."""
        return len(self.predictions)

    @property
    def rows_failed(self) -> int:
        """How many of them have no prediction."""
        return len({error.row for error in self.errors})


@dataclass(frozen=True, slots=True)
class ResultPlace:
    """Where the result of a chunk lies.

    Attributes:
        number, first_row, rows, rows_failed: of the chunk.
        partition, offset: of the results topic.
    """

    number: int
    first_row: int
    rows: int
    rows_failed: int
    partition: int
    offset: int
