"""The table that columns of strings are looked up in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.features import UNSEEN
from scoreline.schemas import string_table
from scoreline.schemas.cursor import join_payloads
from scoreline.schemas.string_table import StringTable

SMALL_ALPHABET = st.text("ab", max_size=20).map(str.encode)


def look_up(table: StringTable, texts: list[bytes]) -> tuple[list[float], list[int]]:
    """Codes, and the places of texts that are not known; the texts stand side by side, so that bytes could leak."""
    joined = join_payloads(texts, table.overrun_bytes)
    codes, unseen = table.find(joined.pages, joined.starts, joined.ends - joined.starts)
    return codes.tolist(), [] if unseen is None else sorted(unseen.tolist())


def check(levels: list[bytes], texts: list[bytes]) -> None:
    codes = {level: code for code, level in enumerate(levels)}
    found, unseen = look_up(StringTable(codes), texts)
    assert found == [codes.get(text, UNSEEN) for text in texts]
    assert unseen == [i for i, text in enumerate(texts) if text not in codes]


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(SMALL_ALPHABET, unique=True, max_size=12), st.lists(SMALL_ALPHABET, min_size=1, max_size=30))
def test_every_string_is_found_exactly_if_it_is_known(levels, texts):
    """Few letters make strings that share beginnings, ends and lengths."""
    check(levels, [*texts, *levels])


@pytest.mark.parametrize(
    "levels",
    [
        [],
        [b""],
        [b"a" * n for n in range(30)],
        [b"\x00" * n for n in range(20)],
        [b"same head %d" % n for n in range(50)],
        [b"%02d same tail" % n for n in range(50)],
        [b"same head %02d same tail" % n for n in range(50)],
        [b"same head%02dsame tail%03d and the same end" % (n, m) for n in range(6) for m in range(6)],
    ],
)
def test_strings_that_are_nearly_alike_are_told_apart(levels):
    near = [level + b"\x00" for level in levels] + [level[:-1] for level in levels] + [level[::-1] for level in levels]
    check(levels, [*levels, *near, b"x", b"x" * 100])


def test_a_collision_of_hashes_is_never_taken_for_equality(monkeypatch):
    """With a multiplier that sends every string to one slot, each is still found behind the others."""
    monkeypatch.setattr(string_table, "_MULTIPLIERS", (np.uint64(0), np.uint64(1)))
    monkeypatch.setattr(
        StringTable, "_hash", staticmethod(lambda mixed, multiplier, shift: np.zeros(len(mixed), np.intp))
    )
    levels = [b"level %d" % n for n in range(20)]
    check(levels, [*levels, b"level 20", b"level 1x", b""])


def test_many_strings_are_found():
    levels = [b"customer-%06d" % n for n in range(20_000)]
    check(levels, [*levels[::7], b"customer-020000", b"customer-00000"])
