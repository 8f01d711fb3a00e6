r"""A baseline as bytes, and back: what a version keeps of its training, in the blob of the role `baseline`.

::

    scoreline baseline 1\n
    length of the header, 4 bytes, little-endian
    header: JSON with the axes and the lengths of what follows
    counts of all rows                      (`scoreline.models.baseline.blocks.pack_counts`)
    means and standard deviations           two float64 an axis
    counts of each block, one after the other
"""

import struct
from itertools import pairwise
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from scoreline.errors import ModelRejected
from scoreline.features import Level
from scoreline.models.baseline.axes import LEAST_WIDTH, MOST_CODES, Axis, CategoricalAxis, NumericAxis
from scoreline.models.baseline.baseline import MOST_BLOCKS, Baseline
from scoreline.models.baseline.blocks import PackedBlocks, pack_counts, unpack_counts
from scoreline.models.baseline.grid import MOST_BINS, Grid

_KIND, _FORMAT = b"scoreline baseline ", b"1\n"
_LENGTH = struct.Struct("<I")
_DOUBLE = np.dtype("<f8")

Size = Annotated[int, Meta(ge=0)]


class _Numeric(msgspec.Struct, frozen=True, tag="numeric", omit_defaults=True):
    name: str
    lowest: float
    highest: float
    logarithmic: bool = False
    is_output: bool = False


class _Categorical(msgspec.Struct, frozen=True, tag="categorical", omit_defaults=True):
    name: str
    codes: Annotated[int, Meta(ge=0, le=MOST_CODES)]
    levels: tuple[Level, ...] | None = None
    is_cut: bool = False


class _Header(msgspec.Struct, frozen=True):
    """Sizes are in bytes; `blocks` is None where rows had no order in time."""

    axes: Annotated[tuple[_Numeric | _Categorical, ...], Meta(min_length=1, max_length=MOST_BINS)]
    total: Size
    blocks: Annotated[tuple[Size, ...], Meta(max_length=MOST_BLOCKS)] | None = None
    learned_at_ms: int | None = None


def encode_baseline(baseline: Baseline) -> bytes:
    """The baseline as bytes; the same ones for the same baseline."""
    grid, total = baseline.grid, pack_counts(baseline.total)
    blocks = () if baseline.blocks is None else PackedBlocks.pack(grid, baseline.blocks).packed
    header = msgspec.json.encode(
        _Header(
            tuple(_to_wire(axis) for axis in grid.axes),
            len(total),
            None if baseline.blocks is None else tuple(map(len, blocks)),
            baseline.learned_at_ms,
        )
    )
    moments = [each.astype(_DOUBLE).tobytes() for each in (baseline.means, baseline.deviations)]
    return b"".join([_KIND, _FORMAT, _LENGTH.pack(len(header)), header, total, *moments, *blocks])


def decode_baseline(data: bytes) -> Baseline:
    """What `encode_baseline` has written. Blocks stay packed, but all of them have been looked at.

    Raises:
        ModelRejected: these bytes are no baseline, or one that contradicts itself.
    """
    header, rest = _read_header(data)
    grid = _make_grid(header)
    moments = 2 * len(grid.axes) * _DOUBLE.itemsize
    sizes = header.total + moments + sum(header.blocks or ())
    if len(rest) != sizes:
        raise ModelRejected(f"the baseline should have {sizes} bytes of counts, but has {len(rest)}")
    total = unpack_counts(rest[: header.total], grid)
    means, deviations = np.frombuffer(rest, _DOUBLE, 2 * len(grid.axes), header.total).reshape(2, -1).astype(np.float64)
    if not (np.isfinite(means).all() and (deviations >= 0).all() and np.isfinite(deviations).all()):
        raise ModelRejected("the baseline has a mean or a standard deviation that is none")
    blocks = None if header.blocks is None else _read_blocks(grid, rest[header.total + moments :], header.blocks)
    if blocks is not None and sum(block.rows for block in blocks) > total.rows:
        raise ModelRejected("the blocks of the baseline have more rows than there are")
    return Baseline(grid, total, means, deviations, blocks, header.learned_at_ms)


def _read_header(data: bytes) -> tuple[_Header, bytes]:
    start = len(_KIND) + len(_FORMAT)
    if not data.startswith(_KIND):
        raise ModelRejected("this is no baseline")
    if data[len(_KIND) : start] != _FORMAT:
        raise ModelRejected("the baseline is damaged, or written by a newer scoreline than this one")
    if len(data) < start + _LENGTH.size:
        raise ModelRejected("the baseline is cut off in its header")
    begin = start + _LENGTH.size
    end = begin + _LENGTH.unpack_from(data, start)[0]
    try:
        return msgspec.json.decode(data[begin:end], type=_Header), data[end:]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelRejected(f"the header of the baseline is damaged: {error}") from error


def _make_grid(header: _Header) -> Grid:
    axes = tuple(_from_wire(axis) for axis in header.axes)
    if sum(axis.size for axis in axes) > MOST_BINS:
        raise ModelRejected(f"the baseline has more than {MOST_BINS:,} bins")
    if axes[0].is_output or any(one.is_output > other.is_output for one, other in pairwise(axes)):
        raise ModelRejected("the baseline has outputs before features")
    return Grid(axes)


def _read_blocks(grid: Grid, data: bytes, sizes: tuple[int, ...]) -> PackedBlocks:
    ends = np.cumsum([0, *sizes]).tolist()
    return PackedBlocks(grid, [data[begin:end] for begin, end in pairwise(ends)])


def _to_wire(axis: Axis) -> _Numeric | _Categorical:
    if isinstance(axis, NumericAxis):
        return _Numeric(axis.name, axis.lowest, axis.highest, axis.logarithmic, axis.is_output)
    return _Categorical(axis.name, axis.codes, axis.levels, axis.is_cut)


def _from_wire(axis: _Numeric | _Categorical) -> Axis:
    if isinstance(axis, _Categorical):
        if axis.levels is not None and len(axis.levels) != axis.codes:
            raise ModelRejected(f"the baseline of {axis.name!r} has {axis.codes} codes, but {len(axis.levels)} levels")
        return CategoricalAxis(axis.name, axis.codes, axis.levels, axis.is_cut)
    width = axis.highest - axis.lowest
    if not LEAST_WIDTH <= width < np.inf:
        raise ModelRejected(f"the baseline of {axis.name!r} reaches from {axis.lowest} to {axis.highest}")
    return NumericAxis(axis.name, axis.lowest, axis.highest, axis.logarithmic, axis.is_output)
