"""A hash table of strings as arrays, in which a whole column of strings is looked up at once."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product

import numpy as np

from scoreline.features import UNSEEN
from scoreline.schemas.cursor import Doubles, Mask, Pages, Positions, Words, join_payloads

WORD_BYTES = 8

_MULTIPLIERS = tuple(np.uint64(0x9E3779B97F4A7C15 + 0x5851F42D4C957F2E * n & (1 << 64) - 1 | 1) for n in range(16))
_LENGTH_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)
_MIN_BITS = 5
_SPARSE_BITS = 3
_MANY = 512
_NO_LENGTH = -1


class StringTable:
    """Finds the code of each string that is known.

    Strings are hashed by as few of their bytes as tell the known ones apart, and then compared in full with the one in
    their slot, length and every byte, so that a collision of hashes is never taken for equality.

    Attributes:
        overrun_bytes: how far behind the end of a string a look-up may read.
    """

    def __init__(self, codes: Mapping[bytes, int]) -> None:
        longest = max(map(len, codes), default=0)
        self.overrun_bytes = longest + WORD_BYTES
        joined = join_payloads(list(codes), self.overrun_bytes)
        pages, starts, lengths = joined.pages, joined.starts, joined.ends - joined.starts
        heads = _read_heads(pages, starts, lengths)
        self._parts = _choose_parts(pages, starts, lengths, heads)
        mixed = _mix(pages, starts, lengths, heads, self._parts)
        slots, self._probes, self._multiplier, self._shift = self._choose_slots(mixed)
        size = 1 << (64 - int(self._shift))
        self._last = size - 1
        # Slots hold numbers of strings, 0 for none, so that what a batch touches is small and stays in the cache.
        self._numbers = np.zeros(size, dtype=np.int32)
        self._numbers[slots] = np.arange(1, len(codes) + 1)
        self._lengths = np.concatenate([[_NO_LENGTH], lengths]).astype(np.intp)
        self._codes = np.array([UNSEEN, *codes.values()])
        self._heads = _behind_none(heads)
        self._words: list[tuple[Words, Words]] = []
        for position in range(1, -(-longest // WORD_BYTES)):
            masks = _masks().take(np.clip(lengths - position * WORD_BYTES, 0, WORD_BYTES))
            words = pages.words[starts + position * WORD_BYTES] & masks
            self._words.append((_behind_none(masks), _behind_none(words)))

    def find(self, pages: Pages, starts: Positions, lengths: Positions) -> tuple[Doubles, Positions | None]:
        """Look up strings, at least one.

        Returns:
            The code of each, `UNSEEN` where it is not known; and the places of those that are not, None without any.
        """
        heads = _read_heads(pages, starts, lengths)
        slots = self._hash(_mix(pages, starts, lengths, heads, self._parts), self._multiplier, self._shift)
        numbers = self._numbers.take(slots).astype(np.intp)
        same = self._compare(pages, starts, lengths, heads, numbers)
        codes: Doubles = self._codes.take(numbers)
        if same.all():
            return codes, None
        left = np.flatnonzero(~same)
        codes[left] = UNSEEN
        slots = slots[left]
        for _ in range(self._probes - 1):
            slots = (slots + 1) & self._last
            numbers = self._numbers.take(slots).astype(np.intp)
            same = self._compare(pages, starts[left], lengths[left], heads[left], numbers)
            codes[left[same]] = self._codes.take(numbers[same])
            left, slots = left[~same], slots[~same]
        return codes, left if len(left) else None

    def _compare(self, pages: Pages, starts: Positions, lengths: Positions, heads: Words, numbers: Positions) -> Mask:
        """Whether each string is the known one of that number, by its length and all of its bytes."""
        same: Mask = (self._lengths.take(numbers) == lengths) & (self._heads.take(numbers) == heads)
        if self._words:
            longest = int(np.maximum.reduce(lengths, initial=0))
            for position, (masks, words) in enumerate(self._words, start=1):
                if longest <= position * WORD_BYTES:
                    break
                here = pages.words[starts + position * WORD_BYTES]
                same &= (here & masks.take(numbers)) == words.take(numbers)
        return same

    def _choose_slots(self, mixed: Words) -> tuple[Positions, int, np.uint64, np.uint64]:
        """Slots of the known strings, none of them twice: those that take the fewest probes to be found again."""
        fewest = max(_MIN_BITS, (len(mixed) << _SPARSE_BITS).bit_length())
        found: list[tuple[int, int, Positions, np.uint64, np.uint64]] = []
        # Among many, some collide whatever one tries.
        multipliers = _MULTIPLIERS if len(mixed) <= _MANY else _MULTIPLIERS[:2]
        for bits, multiplier in product((fewest, fewest + 2), multipliers):
            shift = np.uint64(64 - bits)
            wanted = self._hash(mixed, multiplier, shift)
            if len(np.unique(wanted)) == len(wanted):
                return wanted, 1, multiplier, shift
            slots, probes = _probe(wanted, 1 << bits)
            found.append((probes, len(found), slots, multiplier, shift))
        probes, _, slots, multiplier, shift = min(found)
        return slots, probes, multiplier, shift

    @staticmethod
    def _hash(mixed: Words, multiplier: np.uint64, shift: np.uint64) -> Positions:
        return ((mixed * multiplier) >> shift).view(np.int64).astype(np.intp, copy=False)


def _choose_parts(pages: Pages, starts: Positions, lengths: Positions, heads: Words) -> Sequence[str]:
    """The parts of strings that tell the known ones apart, as few as will do."""
    choices = (("head",), ("head", "length"), ("tail",), ("tail", "length"), ("head", "tail", "length"))
    for parts in choices:
        if len(np.unique(_mix(pages, starts, lengths, heads, parts))) == len(starts):
            return parts
    longest = int(np.maximum.reduce(lengths, initial=0))
    return ["head", *(f"{skip}" for skip in range(WORD_BYTES, longest, WORD_BYTES)), "length"]


def _mix(pages: Pages, starts: Positions, lengths: Positions, heads: Words, parts: Sequence[str]) -> Words:
    """The parts of each string as one word."""
    mixed: Words | None = None
    for part in parts:
        word = heads if part == "head" else _read_part(pages, starts, lengths, part)
        mixed = word if mixed is None else (mixed * _MULTIPLIERS[1]) ^ word
    return heads if mixed is None else mixed


def _read_heads(pages: Pages, starts: Positions, lengths: Positions) -> Words:
    """The first word of each string, zero behind its end."""
    return pages.words[starts] & _masks().take(lengths, mode="clip")


def _read_part(pages: Pages, starts: Positions, lengths: Positions, part: str) -> Words:
    if part == "length":
        return lengths.astype(np.uint64) * _LENGTH_MULTIPLIER
    if part == "tail":
        return pages.words[starts + np.maximum(lengths - WORD_BYTES, 0)] & _masks().take(lengths, mode="clip")
    return pages.words[starts + int(part)] & _masks().take(lengths - int(part), mode="clip")


def _behind_none(words: Words) -> Words:
    return np.concatenate([np.zeros(1, dtype=np.uint64), words])


def _probe(wanted: Positions, size: int) -> tuple[Positions, int]:
    """The wanted slots, moved on to the next free one where they are taken, and the most probes that this needs."""
    taken: set[int] = set()
    slots = []
    most = 1
    for slot in wanted.tolist():
        probes = 1
        while slot in taken:
            slot = (slot + 1) % size
            probes += 1
        taken.add(slot)
        slots.append(slot)
        most = max(most, probes)
    return np.array(slots, dtype=np.intp), most


@cache
def _masks() -> Words:
    """Mask of the first 0 to 8 bytes of a word."""
    return np.array([(1 << 8 * n) - 1 for n in range(WORD_BYTES + 1)], dtype=np.uint64)
