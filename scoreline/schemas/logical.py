"""Avro's logical types: which stored values they allow, and what number or text one stands for."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

_DEFINED = {
    "int": ("date", "time-millis"),
    "long": (
        "time-micros",
        "timestamp-millis",
        "timestamp-micros",
        "timestamp-nanos",
        "local-timestamp-millis",
        "local-timestamp-micros",
        "local-timestamp-nanos",
    ),
    "bytes": ("decimal",),
    "fixed": ("decimal", "uuid"),
    "string": ("uuid",),
}
_MS_PER_DAY = 86_400_000
_US_PER_MS = 1_000
_UUID_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LAST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_DATES = (date.min.toordinal() - _EPOCH.toordinal(), date.max.toordinal() - _EPOCH.toordinal())
_MILLIS = (-(-_FIRST_US // _US_PER_MS), _LAST_US // _US_PER_MS)
_MICROS = (_FIRST_US, _LAST_US)

BOUNDS: dict[str, tuple[int, int]] = {
    "date": _DATES,
    # fastavro cuts towards zero, so up to an hour before midnight passes for the hour 0.
    "time-millis": (1 - 3_600_000, _MS_PER_DAY - 1),
    "time-micros": (1 - 3_600_000_000, _MS_PER_DAY * _US_PER_MS - 1),
    "timestamp-millis": _MILLIS,
    "timestamp-micros": _MICROS,
    "local-timestamp-millis": _MILLIS,
    "local-timestamp-micros": _MICROS,
}
"""Smallest and largest stored integer that fastavro reads: what Python's own dates and times can hold."""

_MS: dict[str | None, tuple[int, int]] = {
    None: (1, 1),
    "date": (_MS_PER_DAY, 1),
    "timestamp-millis": (1, 1),
    "timestamp-micros": (1, 1_000),
    "timestamp-nanos": (1, 1_000_000),
    "local-timestamp-millis": (1, 1),
    "local-timestamp-micros": (1, 1_000),
    "local-timestamp-nanos": (1, 1_000_000),
}


def known_logical_type(avro_type: str, logical: Any) -> str | None:
    """`logical` where Avro defines it for the type, else None: then it is to be ignored."""
    return logical if logical in _DEFINED.get(avro_type, ()) else None


def scale_to_ms(logical: str | None) -> tuple[int, int] | None:
    """(multiplier, divisor) from a stored integer to milliseconds since the epoch; None for a time of day."""
    return _MS.get(logical)


def decimal_to_double(stored: bytes, scale: int) -> float:
    """The double nearest to a decimal; infinite where no double is near.

    Args:
        stored: the unscaled value, big-endian two's complement.
        scale: digits behind the point.
    """
    unscaled = int.from_bytes(stored, "big", signed=True)
    try:
        return unscaled / int(10**scale)
    except OverflowError:
        return float("inf") if unscaled > 0 else float("-inf")


def is_uuid(text: str) -> bool:
    """Whether Python takes a text for a UUID: more spellings than the canonical one."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def is_uuid_size(size: int) -> bool:
    """Whether a `fixed` of this size can hold a UUID."""
    return size == _UUID_BYTES


def uuid_to_text(stored: bytes) -> bytes:
    """The canonical text of a UUID of 16 bytes, UTF-8."""
    return str(uuid.UUID(bytes=stored)).encode()
