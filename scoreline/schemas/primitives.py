"""Avro's integers and strings on the way out: zig-zag, then seven bits a byte, lowest first."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_FEW = 32
_SHIFTS = np.arange(10, dtype=np.uint64) * np.uint64(7)


def encode_long(value: int) -> bytes:
    """One int or long of at most 64 bits."""
    rest = (value << 1) ^ (value >> 63)
    encoded = bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def encode_longs(values: Sequence[int] | npt.NDArray[np.int64]) -> list[bytes]:
    """Many at once; under a few dozen, numpy's fixed cost would be larger than the work."""
    if len(values) < _FEW:
        return [encode_long(int(value)) for value in values]
    signed = np.asarray(values, dtype=np.int64)
    zigzag = ((signed << 1) ^ (signed >> 63)).view(np.uint64)
    width = (int(zigzag.max()).bit_length() + 6) // 7 or 1
    groups = zigzag[:, np.newaxis] >> _SHIFTS[:width]
    goes_on = groups > 0x7F
    padded = split_rows((groups & np.uint64(0x7F) | goes_on * np.uint64(0x80)).astype(np.uint8))
    if (zigzag >> _SHIFTS[width - 1]).all():  # as long as the longest, which times of one day and large offsets are
        return padded
    lengths = (goes_on.sum(axis=1) + 1).tolist()
    return [row[:length] for row, length in zip(padded, lengths, strict=True)]


def split_rows(rows: npt.NDArray[np.uint8]) -> list[bytes]:
    """The bytes of each row of a matrix in C order; several times faster than slices of them all."""
    opaque: list[bytes] = rows.view(f"V{rows.shape[1]}")[:, 0].tolist()
    return opaque


def encode_string(text: str) -> bytes:
    """A string with its length in front."""
    encoded = text.encode()
    return encode_long(len(encoded)) + encoded
