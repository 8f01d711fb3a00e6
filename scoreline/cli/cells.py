"""Text to values: the cells of a CSV file by the Avro type of their column."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scoreline.schemas.catalog import ParsedSchema

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_TIMESTAMPS = ("timestamp-millis", "timestamp-micros", "local-timestamp-millis", "local-timestamp-micros")


def read_cells(row: Mapping[str, str | None], schema: ParsedSchema) -> dict[str, Any]:
    """The values of one row; columns that the schema does not have are left out.

    Raises:
        ValueError: a cell is not of its field's type; names the field.
    """
    values = {}
    for field in schema["fields"]:
        name = field["name"]
        if name in row:
            try:
                values[name] = _read_cell(row[name], field["type"])
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
    return values


def _read_cell(cell: str | None, avro_type: Any) -> Any:
    if isinstance(avro_type, list):
        return _read_union(cell, avro_type)
    if cell is None:
        if avro_type == "string":
            return ""
        raise ValueError(f"expected {_name(avro_type)}, but the cell is empty")
    try:
        return _read_text(cell, avro_type)
    except ValueError as error:
        raise ValueError(f"expected {_name(avro_type)}, but it is {cell!r}") from error


def _read_union(cell: str | None, branches: list[Any]) -> Any:
    if cell is None and "null" in branches:
        return None
    for branch in branches:
        try:
            return _read_cell(cell, branch)
        except ValueError:
            continue
    raise ValueError(f"expected {' or '.join(map(_name, branches))}, but it is {cell!r}")


def _read_text(cell: str, avro_type: Any) -> Any:
    name, logical = _name(avro_type), avro_type.get("logicalType") if isinstance(avro_type, dict) else None
    if name in ("int", "long"):
        if logical in _TIMESTAMPS and not cell.lstrip("-").isdigit():
            return datetime.fromisoformat(cell)
        return int(cell)
    if name in ("float", "double"):
        return float(cell)
    if name == "boolean":
        if cell.lower() not in _BOOLEANS:
            raise ValueError(cell)
        return _BOOLEANS[cell.lower()]
    if name == "null":
        raise ValueError(cell)
    if name == "bytes":
        return cell.encode()
    if name in ("record", "array", "map"):
        return json.loads(cell)
    return cell


def _name(avro_type: Any) -> str:
    return str(avro_type["type"]) if isinstance(avro_type, dict) else str(avro_type)
