"""Byte strings that were joined, taken apart again."""

from collections.abc import Iterator, Sequence


def cut_pieces(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """The pieces of these sizes, one after the other."""
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size
