"""The data of one tensor: from JSON to values in row-major order, and never more of them than its shape takes."""

import re
from collections.abc import Sequence
from itertools import chain, islice
from typing import Any

import msgspec

from scoreline.errors import MalformedRequest
from scoreline.http.inference_v2.bodies import InferInput
from scoreline.http.inference_v2.datatypes import Datatype
from scoreline.http.inference_v2.layout import describe_input
from scoreline.http.inference_v2.problems import TensorProblems
from scoreline.schemas.json_problems import describe_value

_NESTED = re.compile(rb"\[\s*\[")
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_FLAT_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_NESTED_RAWS = msgspec.json.Decoder(list[list[msgspec.Raw]])


def read_values(tensor: InferInput, datatype: Datatype, problems: TensorProblems) -> list[Any]:
    """The values of a tensor, None for null.

    Args:
        tensor: with a shape of one or two dimensions whose size is known to be bearable.
        problems: gets those values that are not of the datatype; they stand as None in what is returned, and so may
            others of the same rows.

    Raises:
        MalformedRequest: the data is not an array as the shape says.
    """
    raw = bytes(tensor.data)
    if not raw.startswith(b"["):
        raise MalformedRequest(f"the data of {describe_input(tensor)} has to be an array, got {describe_value(raw)}")
    nested = _NESTED.match(raw) is not None
    if nested and len(tensor.shape) == 1:
        raise _refuse_nesting(tensor)
    _check_count(tensor, raw)
    try:
        values = _lay_flat(tensor, (datatype.nested if nested else datatype.flat).decode(raw), nested=nested)
        if not datatype.is_beyond(values):
            return values
    except msgspec.DecodeError:
        # Which of the values it is, and how many more, is seen only where each is looked at.
        return _read_singly(tensor, datatype, raw, problems, nested=nested)
    except UnicodeDecodeError as error:
        raise MalformedRequest("the body is not UTF-8") from error
    return _read_singly(tensor, datatype, raw, problems, nested=nested)


def _read_singly(
    tensor: InferInput, datatype: Datatype, raw: bytes, problems: TensorProblems, *, nested: bool
) -> list[Any]:
    try:
        found = (_NESTED_RAWS if nested else _FLAT_RAWS).decode(raw)
    except msgspec.ValidationError as error:
        raise _refuse_nesting(tensor) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedRequest(f"the data of {describe_input(tensor)} is no JSON") from error
    return [
        _read_one(datatype, bytes(each), position, problems) if problems.wants(position) else None
        for position, each in enumerate(_lay_flat(tensor, found, nested=nested))
    ]


def _read_one(datatype: Datatype, raw: bytes, position: int, problems: TensorProblems) -> Any:
    try:
        value = datatype.single.decode(raw)
    except msgspec.ValidationError:
        problems.add(position, describe_value(raw))
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        problems.add(position, "a string that is no Unicode text")
        return None
    if datatype.is_beyond((value,)):
        problems.add(position, describe_value(raw))
        return None
    return value


def _lay_flat(tensor: InferInput, values: list[Any], *, nested: bool) -> list[Any]:
    """Values in row-major order, as many as the shape takes."""
    if nested:
        rows, width = tensor.shape
        if len(values) != rows or any(len(row) != width for row in values):
            raise _refuse_nesting(tensor)
        return list(chain.from_iterable(values))
    if len(values) != _find_size(tensor):
        raise _refuse_count(tensor, f"has {len(values)}")
    return values


def _check_count(tensor: InferInput, raw: bytes) -> None:
    """Refuse what holds more values than it says, before they take memory.

    Raises:
        MalformedRequest: it has as many commas between values as values are allowed, or more texts.
    """
    size = _find_size(tensor)
    commas, texts = raw.count(b","), 0
    if commas < size:
        return
    for text in islice(_TEXT.finditer(raw), size + 1):
        texts += 1
        commas -= raw.count(b",", *text.span())
    if commas >= size or texts > size:
        raise _refuse_count(tensor, "has more")


def _find_size(tensor: InferInput) -> int:
    return tensor.shape[0] * _find_width(tensor.shape)


def _find_width(shape: Sequence[int]) -> int:
    return shape[1] if len(shape) > 1 else 1


def _refuse_count(tensor: InferInput, came: str) -> MalformedRequest:
    return MalformedRequest(
        f"{describe_input(tensor)} has the shape {tensor.shape}, which takes {_find_size(tensor)} values, but its data"
        f" {came}"
    )


def _refuse_nesting(tensor: InferInput) -> MalformedRequest:
    return MalformedRequest(
        f"the data of {describe_input(tensor)} is not nested as its shape {tensor.shape} says; it may be flat as well"
    )
