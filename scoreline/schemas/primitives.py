"""Avro's integers and strings on the way out: zig-zag, then seven bits a byte, lowest first."""

from collections.abc import Sequence

import numpy as np

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


def encode_longs(values: Sequence[int]) -> list[bytes]:
    """Many at once; under a few dozen, numpy's fixed cost would be larger than the work."""
    if len(values) < _FEW:
        return [encode_long(value) for value in values]
    signed = np.array(values, dtype=np.int64)
    zigzag = ((signed << 1) ^ (signed >> 63)).view(np.uint64)
    width = (int(zigzag.max()).bit_length() + 6) // 7 or 1
    groups = zigzag[:, np.newaxis] >> _SHIFTS[:width]
    goes_on = groups > 0x7F
    padded = ((groups & np.uint64(0x7F)).astype(np.uint8) | (goes_on.astype(np.uint8) << 7)).tobytes()
    starts = range(0, len(padded), width)
    if (zigzag >> _SHIFTS[width - 1]).all():  # as long as the longest, which times of one day and large offsets are
        return [padded[start : start + width] for start in starts]
    lengths = (goes_on.sum(axis=1) + 1).tolist()
    return [padded[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def encode_string(text: str) -> bytes:
    """A string with its length in front."""
    encoded = text.encode()
    return encode_long(len(encoded)) + encoded
