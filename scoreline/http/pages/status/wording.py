"""Numbers, times and states as people read them."""

from datetime import UTC, datetime

from scoreline.http.pages.status.markup import Html, element, join

UNKNOWN = "\N{EN DASH}"
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_UNITS = (("µs", 1e-3, 1e6), ("ms", 1.0, 1e3), ("s", _MINUTE, 1.0), ("min", _HOUR, 1 / _MINUTE), ("h", _DAY, 1 / _HOUR))

_WHOLE, _LARGE = 100, 1e9

_MARKS = {"good": "✔", "warn": "▲", "bad": "✖", "none": "○"}
_KINDS = {
    "ok": "good",
    "ready": "good",
    "succeeded": "good",
    "loaded": "good",
    "warning": "warn",
    "drift": "bad",
    "failed": "bad",
    "not ready": "bad",
    "stuck": "bad",
}


def say_state(state: str) -> Html:
    """A state as a sign with its word: colour alone says nothing."""
    kind = _KINDS.get(state, "none")
    mark = element("span", _MARKS[kind], aria_hidden="true")
    return element("span", join(mark, " ", state.replace("_", " ")), class_=f"state {kind}")


def say_count(count: int | None) -> str:
    """A whole number with its thousands apart."""
    return UNKNOWN if count is None else f"{count:,}"


def say_rate(per_second: float, what: str) -> str:
    """So many a second, to three digits."""
    return f"{_write_digits(per_second)} {what}/s"


def say_seconds(seconds: float | None) -> str:
    """A duration in the unit that suits it, to three digits."""
    if seconds is None:
        return UNKNOWN
    if seconds == 0:
        return "0 s"
    for unit, limit, factor in _UNITS:
        if seconds < limit or unit == "h":
            return f"{_write_digits(seconds * factor)} {unit}"
    return UNKNOWN


def say_share(share: float | None) -> str:
    """A share as a percentage."""
    return UNKNOWN if share is None else f"{_write_digits(share * 100)} %"


def say_number(value: float | None) -> str:
    """Any number, to three digits."""
    return UNKNOWN if value is None else _write_digits(value)


def say_time(at_ms: int) -> Html:
    """A moment in UTC."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return element("time", f"{at:%Y-%m-%d %H:%M:%S}", datetime=f"{at:%Y-%m-%dT%H:%M:%SZ}")


def say_many(count: int, one: str, many: str) -> str:
    """`1 partition`, `3 partitions`."""
    return f"{count:,} {one if count == 1 else many}"


def _write_digits(value: float) -> str:
    """To three digits, but never with an exponent where whole numbers do."""
    return f"{value:,.0f}" if _WHOLE <= abs(value) < _LARGE else f"{value:.3g}"
