"""Columns of variable-length integers, against the definition."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.schemas.cursor import Cursor, join_payloads
from scoreline.schemas.primitives import encode_long
from scoreline.schemas.varints import MAX_VARINT_BYTES, read_varints

EDGES = sorted({sign * (2**bits + step) for bits in range(64) for step in (-1, 0, 1) for sign in (1, -1)})
INT64 = [value for value in EDGES if -(2**63) <= value < 2**63]


def read(payloads: list[bytes]) -> tuple[list[int], list[int], list[bool]]:
    """Values, bytes passed over and suspicion of each."""
    joined = join_payloads(payloads, MAX_VARINT_BYTES)
    cursor = Cursor(joined.pages, joined.starts.copy(), joined.ends, None, np.zeros(len(payloads), dtype=np.bool_))
    values = read_varints(cursor).tolist()
    return values, (cursor.at - joined.starts).tolist(), cursor.suspect.tolist()


def check(numbers: list[int]) -> None:
    payloads = [encode_long(number) for number in numbers]
    assert read(payloads) == (numbers, [len(payload) for payload in payloads], [False] * len(payloads))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(INT64) | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_integers_of_any_width_are_read_side_by_side(numbers):
    check(numbers)


def test_every_integer_of_one_and_two_bytes_is_read():
    check(list(range(-64, 64)))
    check(list(range(-8192, 8192)))
    check([-8193, 8192, 32767, -32768, 16383, -16384])


def test_every_edge_is_read():
    check(INT64)


def test_bits_beyond_the_sixty_fourth_are_dropped_as_fastavro_does():
    values, widths, suspect = read([b"\xff" * 9 + b"\x7f", b"\xfe" + b"\xff" * 8 + b"\x03"])
    assert values == [-(2**63), 2**63 - 1]
    assert widths == [10, 10]
    assert suspect == [False, False]


def test_more_than_ten_bytes_are_suspect_and_only_they():
    _, _, suspect = read([b"\x80" * 10 + b"\x01", encode_long(2**63 - 1), b"\xff" * 12, b"\x02"])
    assert suspect == [True, False, True, False]


def test_a_longer_spelling_than_needed_is_read():
    values, widths, _ = read(
        [b"\x82\x00", b"\x82\x80\x00", b"\x82" + b"\x80" * 7 + b"\x00", b"\x82" + b"\x80" * 8 + b"\x00"]
    )
    assert values == [1, 1, 1, 1]
    assert widths == [2, 3, 9, 10]
