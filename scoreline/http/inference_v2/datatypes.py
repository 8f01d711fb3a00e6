"""The datatypes of tensors: what their values look like in JSON, and which features take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

import msgspec

from scoreline.features import Feature, Kind, Level

UINT64_MAX = 2**64 - 1


class Sort(Enum):
    """What the values of a datatype are in JSON."""

    NUMBER = "a number"
    BOOLEAN = "true or false"
    TEXT = "a string"


@dataclass(frozen=True, slots=True)
class Datatype:
    """One datatype of the protocol.

    Attributes:
        flat, nested, single: decode all values, all values row by row, and one value, null among them.
        expected: a value in words.
        highest: where the decoders cannot tell.
        narrow: whether values are rounded to single precision.
    """

    name: str
    sort: Sort
    expected: str
    flat: msgspec.json.Decoder[Any]
    nested: msgspec.json.Decoder[Any]
    single: msgspec.json.Decoder[Any]
    highest: int | None = None
    narrow: bool = False

    def is_beyond(self, values: Sequence[Any]) -> bool:
        """Whether one of the decoded values is above what the datatype has."""
        highest = self.highest
        return highest is not None and any(value is not None and value > highest for value in values)


def _make(name: str, sort: Sort, kind: Any, expected: str, *, highest: int | None = None) -> Datatype:
    value: Any = kind | None
    flat, nested, single = (msgspec.json.Decoder(each) for each in (list[value], list[list[value]], value))
    return Datatype(name, sort, expected, flat, nested, single, highest, narrow=name == "FP32")


def _make_integer(name: str, low: int, high: int) -> Datatype:
    expected = f"a whole number from {low} to {high}"
    if high == UINT64_MAX:  # beyond the bounds that msgspec checks
        return _make(name, Sort.NUMBER, Annotated[int, msgspec.Meta(ge=low)], expected, highest=high)
    return _make(name, Sort.NUMBER, Annotated[int, msgspec.Meta(ge=low, le=high)], expected)


DATATYPES = {
    each.name: each
    for each in (
        _make("FP64", Sort.NUMBER, float, Sort.NUMBER.value),
        _make("FP32", Sort.NUMBER, float, Sort.NUMBER.value),
        *(_make_integer(f"INT{bits}", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (64, 32, 16, 8)),
        *(_make_integer(f"UINT{bits}", 0, 2**bits - 1) for bits in (64, 32, 16, 8)),
        _make("BOOL", Sort.BOOLEAN, bool, Sort.BOOLEAN.value),
        _make("BYTES", Sort.TEXT, str, Sort.TEXT.value),
    )
}
"""By name. Halves (FP16, BF16) have no form in JSON."""


def choose_datatype(feature: Feature) -> str:
    """The datatype that metadata tells of a feature; it takes others as well."""
    if feature.kind is Kind.BOOLEAN:
        return "BOOL"
    if feature.levels is None:
        return "FP64" if feature.kind is Kind.NUMERIC else "INT64"
    kinds = {type(level) for level in feature.levels}
    if not kinds or str in kinds:
        return "BYTES"
    if kinds == {bool}:
        return "BOOL"
    return "FP64" if float in kinds else "INT64"


def list_sorts(feature: Feature) -> frozenset[Sort]:
    """What a column of the feature may hold: the same as `POST /predict` takes."""
    if feature.kind is Kind.BOOLEAN:
        return frozenset({Sort.BOOLEAN})
    if feature.levels is None:
        return frozenset({Sort.NUMBER})
    return frozenset(map(_find_sort, feature.levels)) or frozenset(Sort)


def list_matrix_sorts(feature: Feature) -> frozenset[Sort]:
    """What a matrix that carries the feature may hold: 1 and 0 stand for booleans in one of numbers."""
    sorts = list_sorts(feature)
    return sorts | {Sort.NUMBER} if Sort.BOOLEAN in sorts else sorts


def _find_sort(level: Level) -> Sort:
    if isinstance(level, bool):
        return Sort.BOOLEAN
    return Sort.TEXT if isinstance(level, str) else Sort.NUMBER
