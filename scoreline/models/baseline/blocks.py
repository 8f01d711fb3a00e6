"""Counts of the blocks of a baseline, packed: hundreds of them, each mostly of zeros, and looked at once."""

import zlib
from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np

from scoreline.errors import ModelRejected
from scoreline.models.baseline.counts import Counts
from scoreline.models.baseline.grid import Grid

_LEVEL = 6
_SUM = np.dtype("<f8")
_ROWS = np.dtype("<u8")


def pack_counts(counts: Counts) -> bytes:
    """Counts as few bytes: rows, sums and bins, the latter as the smallest unsigned integers that hold them."""
    kind = np.min_scalar_type(int(counts.bins.max(initial=0))).newbyteorder("<")
    parts = (np.array([counts.rows], dtype=_ROWS), counts.sums.astype(_SUM), counts.bins.astype(kind))
    return bytes([kind.itemsize]) + zlib.compress(b"".join(part.tobytes() for part in parts), _LEVEL)


def unpack_counts(data: bytes, grid: Grid) -> Counts:
    """What `pack_counts` has packed; takes no more memory than counts on that grid do, whatever the bytes are.

    Raises:
        ModelRejected: these are no counts on that grid.
    """
    axes, itemsize = len(grid.axes), data[0] if data else 0
    if itemsize not in (1, 2, 4, 8):
        raise ModelRejected("the counts of the baseline are damaged")
    size = _ROWS.itemsize + axes * _SUM.itemsize + grid.size * itemsize
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(data[1:], size + 1)
    except zlib.error as error:
        raise ModelRejected(f"the counts of the baseline are damaged: {error}") from error
    if len(content) != size or not unpacking.eof or unpacking.unused_data:
        raise ModelRejected("the counts of the baseline are damaged: they do not fit its grid")
    rows = int(np.frombuffer(content, _ROWS, 1)[0])
    sums = np.frombuffer(content, _SUM, axes, _ROWS.itemsize).astype(np.float64)
    bins = np.frombuffer(content, f"<u{itemsize}", grid.size, _ROWS.itemsize + axes * _SUM.itemsize).astype(np.int64)
    _check(rows, bins, grid)
    return Counts(bins, sums, rows)


class PackedBlocks(Sequence[Counts]):
    """Blocks that are unpacked one at a time, each time that they are asked for.

    Attributes:
        packed: each as `pack_counts` gives it.
    """

    def __init__(self, grid: Grid, packed: Sequence[bytes]) -> None:
        self._grid = grid
        self.packed: tuple[bytes, ...] = tuple(packed)

    @classmethod
    def pack(cls, grid: Grid, blocks: Iterable[Counts]) -> "PackedBlocks":
        """Pack blocks as they come."""
        return cls(grid, [pack_counts(block) for block in blocks])

    def __len__(self) -> int:
        return len(self.packed)

    @overload
    def __getitem__(self, index: int) -> Counts: ...
    @overload
    def __getitem__(self, index: slice) -> "PackedBlocks": ...
    def __getitem__(self, index: int | slice) -> "Counts | PackedBlocks":
        if isinstance(index, slice):
            return PackedBlocks(self._grid, self.packed[index])
        return unpack_counts(self.packed[index], self._grid)


def _check(rows: int, bins: object, grid: Grid) -> None:
    """Every row has one value on every axis."""
    counted = np.add.reduceat(np.asarray(bins, dtype=np.float64), grid.offsets)
    if (counted != rows).any():
        raise ModelRejected("the counts of the baseline contradict each other")
