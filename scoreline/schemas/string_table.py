"""A hash table of strings as arrays, in which a whole column of strings is looked up at once."""

from collections.abc import Iterator, Mapping, Sequence
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
_FREE = -1


class StringTable:
    """Finds the code of each string that is known.

    Strings are hashed by as few of their bytes as tell the known ones apart, and then compared in full with the one in
    their slot, length and every byte, so that a collision of hashes is never taken for equality.

    Attributes:
        overrun_bytes: how far behind the end of a string a look-up may read.
    """

    def __init__(self, codes: Mapping[bytes, int]) -> None:
        joined = join_payloads(list(codes), max(map(len, codes), default=0) + WORD_BYTES)
        pages, starts, lengths = joined.pages, joined.starts, joined.ends - joined.starts
        self._word_count = max(1, -(-max(map(len, codes), default=0) // WORD_BYTES))
        self.overrun_bytes = self._word_count * WORD_BYTES
        self._parts = self._choose_parts(pages, starts, lengths)
        slots, self._probes, self._multiplier, self._shift = self._choose_slots(self._mix(pages, starts, lengths))
        size = 1 << (64 - int(self._shift))
        self._last = size - 1
        self._lengths = np.full(size, _FREE, dtype=np.intp)
        self._lengths[slots] = lengths
        self._codes: Doubles = np.full(size, UNSEEN)
        self._codes[slots] = list(codes.values())
        self._words: list[tuple[Words, Words]] = []
        for number in range(self._word_count):
            masks, words = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.uint64)
            masks[slots] = _masks().take(np.clip(lengths - number * WORD_BYTES, 0, WORD_BYTES))
            words[slots] = pages.words[starts + number * WORD_BYTES] & masks[slots]
            self._words.append((masks, words))

    def find(self, pages: Pages, starts: Positions, lengths: Positions) -> tuple[Doubles, Positions | None]:
        """Look up strings.

        Returns:
            The code of each, `UNSEEN` where it is not known; and the places of those that are not, None without any.
        """
        slots = self._hash(self._mix(pages, starts, lengths), self._multiplier, self._shift)
        same = self._compare(pages, starts, lengths, slots)
        codes: Doubles = self._codes.take(slots)
        if same.all():
            return codes, None
        left = np.flatnonzero(~same)
        codes[left] = UNSEEN
        slots = slots[left]
        for _ in range(self._probes - 1):
            slots = (slots + 1) & self._last
            same = self._compare(pages, starts[left], lengths[left], slots)
            codes[left[same]] = self._codes.take(slots[same])
            left, slots = left[~same], slots[~same]
        return codes, left if len(left) else None

    def _compare(self, pages: Pages, starts: Positions, lengths: Positions, slots: Positions) -> Mask:
        same: Mask = self._lengths.take(slots) == lengths
        longest = int(np.maximum.reduce(lengths, initial=0))
        for number, (masks, words) in enumerate(self._words):
            if longest <= number * WORD_BYTES:
                break
            here = pages.words[starts + number * WORD_BYTES if number else starts]
            same &= (here & masks.take(slots)) == words.take(slots)
        return same

    def _mix(self, pages: Pages, starts: Positions, lengths: Positions) -> Words:
        """The parts of each string that tell the known ones apart, as one word."""
        return _mix(pages, starts, lengths, self._parts)

    def _choose_parts(self, pages: Pages, starts: Positions, lengths: Positions) -> Sequence[str]:
        choices = (("head",), ("tail",), ("head", "length"), ("tail", "length"), ("head", "tail", "length"))
        for parts in choices:
            if len(np.unique(_mix(pages, starts, lengths, parts))) == len(starts):
                return parts
        return [*(f"word {number}" for number in range(self._word_count)), "length"]

    def _choose_slots(self, mixed: Words) -> tuple[Positions, int, np.uint64, np.uint64]:
        """Slots of the known strings, none of them twice: those that take the fewest probes to be found again."""
        fewest = max(_MIN_BITS, (len(mixed) << _SPARSE_BITS).bit_length())
        found: list[tuple[int, int, Positions, np.uint64, np.uint64]] = []
        for bits, multiplier in product((fewest, fewest + 2), _MULTIPLIERS):
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


def _mix(pages: Pages, starts: Positions, lengths: Positions, parts: Sequence[str]) -> Words:
    mixed: Words | None = None
    for part in _read_parts(pages, starts, lengths, parts):
        mixed = part if mixed is None else (mixed * _MULTIPLIERS[1]) ^ part
    return np.zeros(len(starts), dtype=np.uint64) if mixed is None else mixed


def _read_parts(pages: Pages, starts: Positions, lengths: Positions, parts: Sequence[str]) -> Iterator[Words]:
    for part in parts:
        if part == "head":
            yield pages.words[starts] & _masks().take(lengths, mode="clip")
        elif part == "tail":
            yield pages.words[starts + np.maximum(lengths - WORD_BYTES, 0)] & _masks().take(lengths, mode="clip")
        elif part == "length":
            yield lengths.astype(np.uint64) * _LENGTH_MULTIPLIER
        else:
            skip = int(part.removeprefix("word ")) * WORD_BYTES
            yield pages.words[starts + skip] & _masks().take(lengths - skip, mode="clip")


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
