"""Broken records of many kinds, to be mixed among good ones."""

from collections.abc import Callable
from dataclasses import dataclass

from scoreline.records import Reason

PIN = "scoreline-pin-version"


@dataclass(frozen=True, slots=True)
class Poison:
    """One way to break a framed record, and what it has to be recognised as.

    Attributes:
        spoil: good framed payload → broken payload.
    """

    name: str
    reason: Reason
    spoil: Callable[[bytes], bytes | None]
    headers: tuple[tuple[str, bytes | None], ...] = ()


def make_poisons(infinite_value: Callable[[bytes], bytes]) -> list[Poison]:
    """Every kind, in a fixed order.

    Args:
        infinite_value: framed payload → the same record with an infinite number in it.
    """
    return [
        Poison("cut in half", Reason.UNDECODABLE, lambda p: p[: len(p) // 2]),
        Poison("a byte too many", Reason.UNDECODABLE, lambda p: p + b"\x00"),
        Poison("an empty value", Reason.UNDECODABLE, lambda _: b""),
        Poison("plain JSON", Reason.UNDECODABLE, lambda _: b'{"carrier": "UA"}'),
        Poison("an unknown schema id", Reason.UNKNOWN_SCHEMA, lambda p: b"\x00\x00\x0f\x42\x3f" + p[5:]),
        Poison("no value at all", Reason.TOMBSTONE, lambda _: None),
        Poison("an infinite number", Reason.INVALID_VALUE, infinite_value),
        Poison("pinned to a version that is not there", Reason.UNKNOWN_VERSION, lambda p: p, ((PIN, b"999"),)),
    ]
