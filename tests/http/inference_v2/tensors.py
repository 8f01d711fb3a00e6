"""Tensors for tests, made from rows as `POST /predict` takes them."""

from collections.abc import Mapping, Sequence
from typing import Any


def tensor(
    name: str, data: Sequence[Any], datatype: str = "FP64", shape: Sequence[int] | None = None
) -> dict[str, Any]:
    """A tensor; a column where no shape is said."""
    return {"name": name, "shape": [len(data)] if shape is None else shape, "datatype": datatype, "data": data}


def make_columns(rows: Sequence[Mapping[str, Any]], datatypes: Mapping[str, str]) -> list[dict[str, Any]]:
    """A column for each feature that a row has, null where others do not."""
    names = [name for name in datatypes if any(name in row for row in rows)]
    return [tensor(name, [row.get(name) for row in rows], datatypes[name]) for name in names]
