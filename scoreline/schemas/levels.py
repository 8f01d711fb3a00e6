"""The levels of a categorical feature: the code of a value by equality, of one value or of a column of them.

Equality is Python's, as in a dictionary: 3, 3.0 and, for 1 and 0, a boolean find the same level; the text "3" does not.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from scoreline.features import UNSEEN, Feature, Level
from scoreline.schemas.cursor import Doubles, Integers
from scoreline.schemas.string_table import StringTable

_INT64 = range(-(2**63), 2**63)


class Levels:
    """Finds codes. A value that is no level is `UNSEEN`, a null NaN, an infinite number stays what it is."""

    def __init__(self, feature: Feature) -> None:
        self._codes: Mapping[Level, int] = feature.codes
        self.scalars: Mapping[object, float] = {**{k: float(v) for k, v in feature.codes.items()}, None: math.nan}
        self.has_texts = any(isinstance(level, str) for level in self._codes)
        self.has_numbers = any(not isinstance(level, str) for level in self._codes)

    def find(self, value: object) -> float:
        """The code of one value."""
        if isinstance(value, float) and not math.isfinite(value):
            return value
        return self.scalars.get(value, UNSEEN)

    def find_each(self, values: Sequence[object]) -> Doubles:
        """The codes of a few values: of an enum's symbols, of both booleans."""
        return np.array([self.find(value) for value in values], dtype=np.float64)

    def find_integers(self, values: Integers) -> Doubles:
        """The codes of whole numbers, exact beyond 2^53; shape (rows,)."""
        keys, codes = self._integers
        return _search(keys, codes, values) if len(keys) else np.full(len(values), UNSEEN)

    def find_doubles(self, values: Doubles) -> Doubles:
        """The codes of doubles; shape (rows,)."""
        keys, codes = self._doubles
        found = _search(keys, codes, values) if len(keys) else np.full(len(values), UNSEEN)
        finite = np.isfinite(values)
        return found if finite.all() else np.where(finite, found, values)

    @cached_property
    def texts(self) -> StringTable:
        """The levels that are text, to look up a column of strings in."""
        texts = {level: code for level, code in self._codes.items() if isinstance(level, str)}
        return StringTable({text.encode(): code for text, code in texts.items() if _is_encodable(text)})

    @cached_property
    def _integers(self) -> tuple[Integers, Doubles]:
        whole = sorted(
            (int(level), code)
            for level, code in self._codes.items()
            if not isinstance(level, str) and _is_whole(level) and int(level) in _INT64
        )
        keys, codes = [key for key, _ in whole], [code for _, code in whole]
        return np.array(keys, dtype=np.int64), np.array(codes, dtype=np.float64)

    @cached_property
    def _doubles(self) -> tuple[Doubles, Doubles]:
        exact = sorted(
            (float(level), code)
            for level, code in self._codes.items()
            if not isinstance(level, str) and _is_finite_double(level)
        )
        return np.array([key for key, _ in exact]), np.array([code for _, code in exact], dtype=np.float64)


def _search(keys: Doubles | Integers, codes: Doubles, values: Doubles | Integers) -> Doubles:
    places = keys.searchsorted(values)
    found: Doubles = codes.take(places, mode="clip")
    missing = keys.take(places, mode="clip") != values
    if missing.any():
        found[missing] = UNSEEN
    return found


def _is_whole(level: int | float) -> bool:
    return isinstance(level, int) or level.is_integer()


def _is_finite_double(level: int | float) -> bool:
    try:
        return math.isfinite(level) and float(level) == level
    except OverflowError:
        return False


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
