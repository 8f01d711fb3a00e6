"""A request of JSON rows split into rows as they stand, and never into more than are allowed."""

from functools import lru_cache
from typing import Any

import msgspec

from scoreline.errors import MalformedRequest, RequestTooLarge

NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no JSON or not of the type that was asked for."""

_SHOWN_ERROR = 200
_EXPECTED = '{"instances": [{feature: value, …}, …]}'


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """The shape of a request whose instances are not looked at yet."""

    instances: msgspec.Raw


_BODY = msgspec.json.Decoder(_Body)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def split_rows(body: bytes, *, max_instances: int) -> list[msgspec.Raw]:
    """The rows of a body, whatever they are; all of it is JSON.

    Raises:
        MalformedRequest: no JSON, another shape, or no instances.
        RequestTooLarge: more than `max_instances`.
    """
    try:
        instances = _BODY.decode(body).instances
        # Each row but the last has a comma of its own: here there cannot be too many.
        few = body.count(b",") < max_instances
        rows = _LIST.decode(instances) if few else _split_at_most(instances, max_instances + 1)
    except NO_JSON as error:
        raise refuse_malformed(error) from error
    check_rows(len(rows), max_instances=max_instances)
    return rows


def check_text(text: bytes) -> None:
    """Refuse what is no UTF-8: msgspec does not look at names and values that it skips, one of which may be meant.

    Raises:
        UnicodeDecodeError: one of `NO_JSON`.
    """
    if not text.isascii():
        text.decode()


def check_rows(count: int, *, max_instances: int) -> None:
    """Refuse a number of rows.

    Raises:
        MalformedRequest: there are none.
        RequestTooLarge: more than `max_instances`.
    """
    if not count:
        raise MalformedRequest("instances is empty, but has to have at least one row")
    if count > max_instances:
        raise RequestTooLarge(f"the request has more than the {max_instances} instances that are allowed")


def refuse_malformed(error: Exception, expected: str = _EXPECTED) -> MalformedRequest:
    """The error that answers what msgspec could not read, in bounded length.

    Args:
        expected: the body that should have come, in words.
    """
    if isinstance(error, RecursionError):
        return MalformedRequest("the body is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return MalformedRequest("the body is not UTF-8")
    return MalformedRequest(f"expected {expected}: {str(error)[:_SHOWN_ERROR]}")


def _split_at_most(instances: msgspec.Raw, count: int) -> list[msgspec.Raw]:
    """The first `count` rows; what follows is read, but takes no memory."""
    slots = msgspec.structs.astuple(_make_slots(count).decode(instances))
    return [row for row in slots if row is not None]


@lru_cache(maxsize=4)
def _make_slots(count: int) -> msgspec.json.Decoder[Any]:
    """Decodes an array into so many slots and skips the rest: 8 MB of `1,1,…` take 13 ms, as a list 180 and 300 MB."""
    fields: list[Any] = [(f"row{i}", msgspec.Raw, None) for i in range(count)]
    return msgspec.json.Decoder(msgspec.defstruct("Slots", fields, array_like=True, gc=False))
