"""The steps of the column decoder that read values without parts."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from scoreline.schemas.cursor import Cursor, Doubles, Mask
from scoreline.schemas.harvest import Harvest, Wanted, flag_outside
from scoreline.schemas.logical import BOUNDS, decimal_to_double, is_uuid, uuid_to_text
from scoreline.schemas.shapes import Leaf
from scoreline.schemas.steps import SkipNull, Step
from scoreline.schemas.strings import check_utf8, find_broken_utf8, pass_over, read_ranges, slice_pages
from scoreline.schemas.varints import MAX_VARINT_BYTES, read_varints


class ReadBoolean:
    """Reads a byte: 0 is false, and any other is true, as fastavro has it."""

    widest = 1

    def __init__(self, leaf: Leaf, wanted: Wanted) -> None:
        del leaf
        plain = np.array([0.0, 1.0])
        self._columns = [
            (column, plain if levels is None else levels.find_each([False, True])) for column, levels in wanted.columns
        ]

    def read(self, cursor: Cursor, harvest: Harvest) -> None:
        """Every byte is a boolean."""
        raw = cursor.pages.bytes.take(cursor.at)
        cursor.at += 1
        for column, values in self._columns:
            harvest.put(cursor, column, values.take(raw, mode="clip"))


class ReadInteger:
    """Reads an int or a long, also one that stands for a time."""

    widest = MAX_VARINT_BYTES

    def __init__(self, leaf: Leaf, wanted: Wanted) -> None:
        self._leaf = leaf
        self._wanted = wanted
        self._bounds = BOUNDS.get(leaf.logical or "")

    def read(self, cursor: Cursor, harvest: Harvest) -> None:
        """Times outside of what Python's own can hold are suspect."""
        values = read_varints(cursor)
        if self._bounds is not None:
            outside = flag_outside(values, self._bounds)
            if outside.any():
                cursor.doubt(outside)
                values = np.where(outside, 0, values)
        if self._wanted:
            harvest.put_integers(cursor, self._wanted, values, self._leaf)


class ReadFloat:
    """Reads a float or a double."""

    def __init__(self, leaf: Leaf, wanted: Wanted) -> None:
        self._is_single = leaf.type == "float"
        self._wanted = wanted
        self.widest = 4 if self._is_single else 8

    def read(self, cursor: Cursor, harvest: Harvest) -> None:
        """Every pattern of bits is a number."""
        if self._wanted.columns:
            harvest.put_numbers(cursor, self._wanted, self._look(cursor))
        cursor.at += self.widest

    def read_present(self, cursor: Cursor, harvest: Harvest, present: Mask) -> None:
        """The same, but null for rows without a value."""
        if self._wanted.columns:
            values = self._look(cursor)
            np.copyto(values, np.nan, where=~present)
            harvest.put_numbers(cursor, self._wanted, values)
        cursor.at += np.multiply(present, self.widest, dtype=np.intp)

    def _look(self, cursor: Cursor) -> Doubles:
        if self._is_single:
            # A signalling NaN of a float, which the conversion would warn about, is a null like any other.
            with np.errstate(invalid="ignore"):
                return cursor.pages.singles[cursor.at].astype(np.float64)
        return cursor.pages.doubles[cursor.at]


class ReadEnum:
    """Reads the index of a symbol."""

    widest = MAX_VARINT_BYTES

    def __init__(self, leaf: Leaf, wanted: Wanted) -> None:
        self._count = len(leaf.symbols)
        self._symbols = [symbol.encode() for symbol in leaf.symbols]
        self._columns = [(column, levels.find_each(leaf.symbols)) for column, levels in wanted.columns if levels]
        self._is_id = wanted.is_id

    def read(self, cursor: Cursor, harvest: Harvest) -> None:
        """An index that is not in the enum is suspect."""
        indices = read_varints(cursor)
        outside = flag_outside(indices, (0, self._count - 1))
        if outside.any():
            cursor.doubt(outside)
            indices = np.where(outside, 0, indices)
        for column, values in self._columns:
            harvest.put(cursor, column, values.take(indices))
        if self._is_id:
            harvest.put_ids(cursor, [self._symbols[i] for i in indices.tolist()])


class ReadString:
    """Reads text: into codes, as an id, or past it; it has to be UTF-8 in every case."""

    def __init__(self, leaf: Leaf, wanted: Wanted) -> None:
        self._is_uuid = leaf.logical == "uuid"
        self._is_id = wanted.is_id
        self._columns = [(column, levels.texts) for column, levels in wanted.columns if levels is not None]
        self.widest = MAX_VARINT_BYTES + max((table.overrun_bytes for _, table in self._columns), default=0)

    def read(self, cursor: Cursor, harvest: Harvest) -> None:
        """What is not UTF-8, or should be a UUID and is none, is suspect."""
        starts, lengths = read_ranges(cursor)
        for column, table in self._columns:
            codes, unseen = table.find(cursor.pages, starts, lengths)
            harvest.put(cursor, column, codes)
            if unseen is not None:
                # A string that equals a level is UTF-8 as the level is.
                check_utf8(cursor, starts, lengths, unseen)
        if self._is_id or self._is_uuid:
            pieces = slice_pages(cursor.pages, starts, lengths)
            broken = find_broken_utf8(pieces)
            if broken is not None:
                cursor.doubt(broken)
            if self._is_uuid:
                cursor.doubt(np.array([not is_uuid(piece.decode("utf-8", "replace")) for piece in pieces]))
            harvest.put_ids(cursor, pieces)
        elif not self._columns:
            check_utf8(cursor, starts, lengths)


class ReadBytes:
    """Reads bytes or a fixed: into decimals, as an id, or past them."""

    def __init__(self, leaf: Leaf, wanted: Wanted) -> None:
        # A size that does not fit has to be found when the step is made, not when a batch is read.
        self._size = np.intp(leaf.size) if leaf.type == "fixed" else None
        self._scale = leaf.scale
        self._wanted = wanted
        self._is_binary_uuid = self._size is not None
        self.widest = 0 if self._size is not None else MAX_VARINT_BYTES

    def read(self, cursor: Cursor, harvest: Harvest) -> None:
        """An id that is not UTF-8 is suspect."""
        if self._size is None:
            starts, lengths = read_ranges(cursor)
        else:
            starts = cursor.at
            lengths = pass_over(cursor, np.full(len(cursor), self._size, dtype=np.intp))
        if not self._wanted:
            return
        pieces = slice_pages(cursor.pages, starts, lengths)
        if self._wanted.columns:
            numbers = np.array([decimal_to_double(piece, self._scale) for piece in pieces])
            harvest.put_numbers(cursor, self._wanted, numbers)
        if self._wanted.is_id:
            self._put_ids(cursor, harvest, pieces)

    def _put_ids(self, cursor: Cursor, harvest: Harvest, pieces: Sequence[bytes]) -> None:
        if self._is_binary_uuid:
            pieces = [uuid_to_text(piece) if len(piece) == self._size else b"" for piece in pieces]
        else:
            broken = find_broken_utf8(pieces)
            if broken is not None:
                cursor.doubt(broken)
        harvest.put_ids(cursor, pieces)


@cache
def leaf_steps() -> dict[str, Callable[[Leaf, Wanted], Step]]:
    """The step of each type without parts."""
    return {
        "null": lambda _leaf, _wanted: SkipNull(),
        "boolean": ReadBoolean,
        "int": ReadInteger,
        "long": ReadInteger,
        "float": ReadFloat,
        "double": ReadFloat,
        "string": ReadString,
        "bytes": ReadBytes,
        "fixed": ReadBytes,
        "enum": ReadEnum,
    }
