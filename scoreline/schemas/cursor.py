"""Where a batch of payloads is being read: one buffer for all of them, and a position in each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

READ_AHEAD_BYTES = 16
"""How far behind a position any single read may look."""

_WORD_BYTES = 8


@dataclass(frozen=True, slots=True)
class Pages:
    """The joined payloads, viewed at every byte as each width that is read; bounds are checked against rows, not here.

    Attributes:
        data: the payloads one after the other, and padding.
        bytes: `data` as numbers.
        pairs, singles, doubles, words: the little-endian number that begins at each byte.
    """

    data: bytes
    bytes: Bytes
    pairs: npt.NDArray[np.uint16]
    singles: npt.NDArray[np.float32]
    doubles: Doubles
    words: Words


@dataclass(frozen=True, slots=True)
class Joined:
    """Payloads in one buffer.

    Attributes:
        starts, ends: of each payload; shape (rows,).
    """

    pages: Pages
    starts: Positions
    ends: Positions

    def all_begin_with(self, head: bytes) -> bool:
        """Whether every payload begins with these bytes."""
        if np.minimum.reduce(self.ends - self.starts) < len(head):
            return False
        for first in range(0, len(head), _WORD_BYTES):
            part = head[first : first + _WORD_BYTES]
            mask = np.uint64((1 << 8 * len(part)) - 1)
            if ((self.pages.words[self.starts + first] & mask) != int.from_bytes(part, "little")).any():
                return False
        return True


def join_payloads(payloads: Sequence[bytes], overrun_bytes: int) -> Joined:
    """Join payloads, with room behind them for readers of rows that end too early.

    Args:
        payloads: all of them bytes.
        overrun_bytes: how far behind the end of its row a cursor may get before its row is found to be bad.
    """
    data = b"".join([*payloads, bytes(overrun_bytes + READ_AHEAD_BYTES)])
    places = len(data) - READ_AHEAD_BYTES
    views = [
        np.ndarray((places,), dtype=dtype, buffer=data, strides=(1,)) for dtype in ("u1", "<u2", "<f4", "<f8", "<u8")
    ]
    lengths = np.fromiter(map(len, payloads), np.intp, len(payloads))
    ends = lengths.cumsum()
    return Joined(Pages(data, *views), ends - lengths, ends)


class Cursor:
    """A position in each of some rows of a batch.

    A row that turns out to be bad is noted in `suspect` and read on harmlessly: positions never go back, and never
    further behind the row's end than the padding of the pages allows, so that it cannot end where it should.

    Attributes:
        at: where each row is read next; changed in place by readers.
        end: behind the last byte of each row.
        rows: positions of these rows in the batch; None for all of them.
        suspect: of the whole batch.
    """

    __slots__ = ("at", "end", "pages", "rows", "suspect")

    def __init__(self, pages: Pages, at: Positions, end: Positions, rows: Positions | None, suspect: Mask) -> None:
        self.pages = pages
        self.at = at
        self.end = end
        self.rows = rows
        self.suspect = suspect

    def __len__(self) -> int:
        return len(self.at)

    def select(self, chosen: Positions) -> "Cursor":
        """A cursor over some of these rows, by their places here; `rejoin` brings its positions back."""
        rows = chosen if self.rows is None else self.rows[chosen]
        return Cursor(self.pages, self.at[chosen], self.end[chosen], rows, self.suspect)

    def rejoin(self, part: "Cursor", chosen: Positions) -> None:
        """Go on where a selected part has got to."""
        self.at[chosen] = part.at

    def doubt(self, bad: Mask) -> None:
        """Leave the verdict on some of these rows to the row decoder."""
        if self.rows is None:
            self.suspect |= bad
        else:
            self.suspect[self.rows[bad]] = True
