"""The query of a request, strictly: what is not known or said twice is refused, never silently left out."""

from collections.abc import Collection, Mapping

from aiohttp import web

from scoreline.errors import MalformedRequest

_SHOWN = 40
_MOST_DIGITS = 12
_NOTHING: Mapping[str, str] = {}


def read_query(request: web.BaseRequest, known: Collection[str]) -> Mapping[str, str]:
    """The query's parameters by name.

    Raises:
        MalformedRequest: a parameter that is not known here, or one that is given twice.
    """
    url = request.rel_url
    if not url.raw_query_string:
        return _NOTHING
    found: dict[str, str] = {}
    for name, value in url.query.items():
        if name not in known:
            expected = f"expected {' or '.join(sorted(known))}" if known else "there is none here"
            raise MalformedRequest(f"the query parameter {name[:_SHOWN]!r} is not known; {expected}")
        if name in found:
            raise MalformedRequest(f"the query parameter {name!r} is given twice")
        found[name] = value
    return found


def read_flag(query: Mapping[str, str], name: str) -> bool:
    """A parameter that is `true` or `false`, and false when absent.

    Raises:
        MalformedRequest: it is something else.
    """
    value = query.get(name, "false")
    if value not in ("true", "false"):
        raise MalformedRequest(f"the query parameter {name!r} has to be true or false")
    return value == "true"


def read_count(query: Mapping[str, str], name: str, default: int, *, most: int | None = None, least: int = 1) -> int:
    """A parameter that is a whole number, at least `least` and at most `most`.

    Raises:
        MalformedRequest: it is something else.
    """
    value = query.get(name)
    if value is None:
        return default
    number = parse_whole_number(value, most_digits=_MOST_DIGITS)
    if number is not None and number >= least and (most is None or number <= most):
        return number
    upto = "" if most is None else f" to {most}"
    raise MalformedRequest(f"the query parameter {name!r} has to be a whole number from {least}{upto}")


def parse_whole_number(text: str, *, most_digits: int) -> int | None:
    """The number that a few plain digits are; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most_digits else None
