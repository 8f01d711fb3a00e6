"""Where the results of one upload's chunks lie, in 32 bytes a chunk."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator

import numpy as np

from scoreline.jobs.chunk import MOST_CHUNKS
from scoreline.jobs.result import ResultPlace

_FIELDS = 4
_HALF = 32
_LOW = (1 << _HALF) - 1
_INT_END = 1 << 31
_LONG_END = 1 << 63


class ChunkPlaces:
    """A set of result places by the number of their chunk; of two with one number the later one counts.

    They lie in one array in the order of their numbers: chunks are done nearly in that order, so that an insertion
    moves little. What no chunk can be is passed over, because an event may be damaged, or someone's joke.
    """

    __slots__ = ("_cells", "_totals")

    def __init__(self) -> None:
        self._cells = array("q")
        self._totals: tuple[int, int, int] | None = None
        """Chunks, rows and failed rows, once their places were forgotten."""

    def __len__(self) -> int:
        return len(self._cells) // _FIELDS if self._totals is None else self._totals[0]

    def forget_places(self) -> None:
        """Keep nothing but how many chunks and rows there are; from now on none is put in."""
        if self._totals is None:
            self._totals = (len(self), *self.count_rows())
            self._cells = array("q")

    def add(self, place: ResultPlace) -> None:
        """Put a place in, unless no chunk can be like that."""
        if self._totals is not None or not _is_possible(place):
            return
        packed = (
            place.number << _HALF | place.partition,
            place.first_row,
            place.offset,
            place.rows << _HALF | place.rows_failed,
        )
        cells = self._cells
        if not cells or cells[-_FIELDS] >> _HALF < place.number:
            cells.extend(packed)
            return
        i = self._find(place.number)
        end = i + _FIELDS if cells[i] >> _HALF == place.number else i
        cells[i:end] = array("q", packed)

    def keep_within(self, *, chunks: int, rows: int) -> None:
        """Forget places that cannot be of a job with so many chunks and rows."""
        for i in reversed(range(len(self))):
            place = self._at(i)
            if place.number >= chunks or place.first_row + place.rows > rows:
                del self._cells[i * _FIELDS : (i + 1) * _FIELDS]

    def count_rows(self) -> tuple[int, int]:
        """How many rows all of them have, and how many of those without a prediction."""
        if self._totals is not None:
            return self._totals[1:]
        packed = np.frombuffer(self._cells, dtype=np.int64)[_FIELDS - 1 :: _FIELDS] if self._cells else np.zeros(0, int)
        return int((packed >> _HALF).sum()), int((packed & _LOW).sum())

    def locate(self, first_row: int, rows: int) -> Iterator[ResultPlace]:
        """Those that hold any of some consecutive rows, ascending.

        They are copied at once, and made one by one as they are asked for: what comes later changes none of them.
        """
        start = max(0, self._find_row(first_row, bisect_right) - 1)
        end = self._find_row(first_row + rows, bisect_left)
        cells = self._cells[start * _FIELDS : end * _FIELDS]
        found = (_unpack(cells[i : i + _FIELDS]) for i in range(0, len(cells), _FIELDS))
        return (place for place in found if place.first_row + place.rows > first_row)

    def _find(self, number: int) -> int:
        """Where the cells of a chunk are, or have to be inserted."""
        return _FIELDS * bisect_left(range(len(self)), number, key=lambda i: self._cells[i * _FIELDS] >> _HALF)

    def _find_row(self, row: int, bisect: Callable[..., int]) -> int:
        """Where a place is, or would have to be inserted, by its first row."""
        return bisect(range(len(self._cells) // _FIELDS), row, key=lambda i: self._cells[i * _FIELDS + 1])

    def _at(self, i: int) -> ResultPlace:
        return _unpack(self._cells[i * _FIELDS : (i + 1) * _FIELDS])


def _unpack(cells: "array[int]") -> ResultPlace:
    chunk, first_row, offset, counts = cells
    return ResultPlace(
        number=chunk >> _HALF,
        first_row=first_row,
        rows=counts >> _HALF,
        rows_failed=counts & _LOW,
        partition=chunk & _LOW,
        offset=offset,
    )


def _is_possible(place: ResultPlace) -> bool:
    return (
        0 <= place.number < MOST_CHUNKS
        and 0 < place.rows < _INT_END
        and 0 <= place.rows_failed <= place.rows
        and 0 <= place.first_row < _LONG_END
        and 0 <= place.partition < _INT_END
        and 0 <= place.offset < _LONG_END
    )
