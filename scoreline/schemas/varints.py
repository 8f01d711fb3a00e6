"""Avro's variable-length integers, one of each row at a time."""

from functools import cache

import numpy as np
import numpy.typing as npt

from scoreline.schemas.cursor import Cursor, Integers, Mask, Positions, Words

MAX_VARINT_BYTES = 10

_LONGER = 0x7FFF
"""Stands for an integer of more than two bytes; no shorter one is so large."""

_MORE = np.uint64(0x8080808080808080)
_PAYLOAD = np.uint64(0x7F7F7F7F7F7F7F7F)
_LOW_BITS = np.uint64(0x0101010101010101)
_ONE = np.uint64(1)
# Each step closes the gaps between neighbouring groups of bits: 7 + 7, 14 + 14, 28 + 28.
_CLOSE = tuple(
    (np.uint64(keep), np.uint64(move), np.uint64(by))
    for keep, move, by in (
        (0x007F007F007F007F, 0x7F007F007F007F00, 1),
        (0x00003FFF00003FFF, 0x3FFF00003FFF0000, 2),
        (0x000000000FFFFFFF, 0x0FFFFFFF00000000, 4),
    )
)


def read_varints(cursor: Cursor) -> Integers:
    """Read one integer of each row; longer ones than Avro allows make their row suspect.

    Returns:
        Shape (rows,); anything for a suspect row.
    """
    pages, at = cursor.pages, cursor.at
    first = pages.bytes.take(at)
    if np.maximum.reduce(first) < 0x80:
        at += 1
        return _short_values().take(first)
    values: Integers = _pair_values().take(pages.pairs[at]).astype(np.int64)
    widths = (first >> 7) + 1
    if np.maximum.reduce(values) == _LONGER:
        longer = np.flatnonzero(values == _LONGER)
        values[longer], widths[longer] = _read_long(cursor, longer)
    at += widths
    return values


def _read_long(cursor: Cursor, chosen: Positions) -> tuple[Integers, Positions]:
    """Values and widths of the integers of some rows, whatever their width."""
    pages = cursor.pages
    at = cursor.at[chosen]
    words: Words = pages.words[at]
    stops = ~words & _MORE
    last = stops & (~stops + _ONE)
    inside = last | (last - _ONE)
    bits = words & inside & _PAYLOAD
    for keep, move, by in _CLOSE:
        bits = (bits & keep) | ((bits & move) >> by)
    widths = (((inside & _LOW_BITS) * _LOW_BITS) >> np.uint64(56)).astype(np.intp)
    beyond = np.flatnonzero(stops == 0)
    if len(beyond):
        ninth = pages.bytes[at[beyond] + 8].astype(np.uint64)
        tenth = pages.bytes[at[beyond] + 9].astype(np.uint64)
        has_tenth = ninth >= np.uint64(0x80)
        bits[beyond] |= (ninth & np.uint64(0x7F)) << np.uint64(56)
        bits[beyond] |= np.where(has_tenth, tenth << np.uint64(63), np.uint64(0))
        widths[beyond] = 9 + has_tenth
        endless = has_tenth & (tenth >= np.uint64(0x80))
        if endless.any():
            bad: Mask = np.zeros(len(cursor), dtype=np.bool_)
            bad[chosen[beyond[endless]]] = True
            cursor.doubt(bad)
    return (bits >> _ONE).view(np.int64) ^ -(bits & _ONE).view(np.int64), widths


@cache
def _short_values() -> Integers:
    """Value of every single byte that is a whole integer."""
    raw = np.arange(0x80, dtype=np.int64)
    return (raw >> 1) ^ -(raw & 1)


@cache
def _pair_values() -> npt.NDArray[np.int16]:
    """Value of the integer that begins with each pair of bytes, if it ends with it; small, to stay in the cache."""
    pairs = np.arange(0x10000)
    first, second = pairs & 0xFF, pairs >> 8
    raw = np.where(first < 0x80, first, (first & 0x7F) | ((second & 0x7F) << 7))
    is_longer = (first >= 0x80) & (second >= 0x80)
    return np.where(is_longer, _LONGER, (raw >> 1) ^ -(raw & 1)).astype(np.int16)
