"""Strings and bytes of a batch: where they lie, and whether they are UTF-8."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from scoreline.schemas.cursor import Cursor, Mask, Pages, Positions
from scoreline.schemas.varints import read_varints


def read_ranges(cursor: Cursor) -> tuple[Positions, Positions]:
    """Read a length and pass over as many bytes; what does not fit into its row makes it suspect.

    Returns:
        Where each begins, and its length in bytes, 0 for a suspect row; shape (rows,) each.
    """
    first = cursor.pages.bytes.take(cursor.at)
    if np.bitwise_or.reduce(first) & 0x81:
        lengths: Positions = read_varints(cursor)
        bad = lengths < 0
        if bad.any():
            lengths[bad] = 0
            cursor.doubt(bad)
    else:
        lengths = _halves().take(first)
        cursor.at += 1
    starts = cursor.at
    return starts, pass_over(cursor, lengths)


def pass_over(cursor: Cursor, lengths: Positions) -> Positions:
    """Move on by `lengths`, which are not negative; those that go beyond the end of their row become 0.

    `cursor.at` becomes another array, so that the caller may keep the old one.
    """
    # Compared with what is left, because a length may be so large that a sum with it overflows.
    outside = lengths > cursor.end - cursor.at
    if outside.any():
        lengths = np.where(outside, 0, lengths)
        cursor.doubt(outside)
    cursor.at = cursor.at + lengths
    return lengths


def slice_pages(pages: Pages, starts: Positions, lengths: Positions) -> list[bytes]:
    """The bytes themselves, one object a row."""
    data = pages.data
    return [data[a:b] for a, b in zip(starts.tolist(), (starts + lengths).tolist(), strict=True)]


def find_broken_utf8(pieces: Sequence[bytes]) -> Mask | None:
    """Which of some strings are not UTF-8; None in the usual case that all are."""
    # No sequence of UTF-8 goes on over a zero byte, so that the whole is valid exactly if every piece is.
    whole = b"\x00".join(pieces)
    if whole.isascii() or _is_utf8(whole):
        return None
    return np.fromiter((not _is_utf8(piece) for piece in pieces), np.bool_, len(pieces))


def check_utf8(cursor: Cursor, starts: Positions, lengths: Positions, chosen: Positions | None = None) -> None:
    """Make rows suspect whose string is not UTF-8.

    Args:
        chosen: places of the rows to look at; None for all.
    """
    if chosen is not None:
        starts, lengths = starts[chosen], lengths[chosen]
    broken = find_broken_utf8(slice_pages(cursor.pages, starts, lengths))
    if broken is None:
        return
    if chosen is None:
        cursor.doubt(broken)
    else:
        bad: Mask = np.zeros(len(cursor), dtype=np.bool_)
        bad[chosen[broken]] = True
        cursor.doubt(bad)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


@cache
def _halves() -> Positions:
    """Length that each single byte says."""
    return np.arange(0x100, dtype=np.intp) >> 1
