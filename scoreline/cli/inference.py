"""An Avro schema for rows that bring none: nullable long, double, boolean or string, whatever fits every row."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from scoreline.cli.rows import NumberedRow
from scoreline.errors import ConfigError
from scoreline.schemas.catalog import ParsedSchema

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_LONG = range(-(2**63), 2**63)


def infer_schema(name: str, rows: Iterable[NumberedRow], *, as_text: bool) -> ParsedSchema:
    """Look at every row and choose the narrowest type of each column; a column without any value becomes a double.

    Args:
        name: the record's.
        as_text: whether values are text, as in CSV; mixed columns are then strings.

    Raises:
        ConfigError: there are no rows, a column's name is not an Avro name, or its values have no common type.
    """
    import fastavro

    types: dict[str, str | None] = {}
    problems: dict[str, str] = {}
    for number, row in rows:
        for column, value in row.items():
            known = types.setdefault(column, None)
            found = _type_of_text(value) if as_text else _type_of_value(value)
            types[column] = _widen(known, found, as_text=as_text)
            if types[column] == "":
                problems.setdefault(column, f"line {number}: {column}: {_describe(value, known)}")
                types[column] = None
    problems |= {c: f"column {c!r}: an Avro name has letters, digits and _" for c in types if not _NAME.fullmatch(c)}
    if not types:
        raise ConfigError("there are no rows to infer a schema from")
    if problems:
        raise ConfigError(*problems.values())
    fields = [{"name": c, "type": ["null", t or "double"], "default": None} for c, t in types.items()]
    return fastavro.parse_schema({"type": "record", "name": name, "fields": fields})


def record_name(topic: str) -> str:
    """A name for a topic's records: `flight-features` is `FlightFeatures`."""
    name = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", topic))
    return name if _NAME.fullmatch(name) else f"Record{name}"


def _type_of_text(cell: str | None) -> str | None:
    if cell is None:
        return None
    if _INTEGER.fullmatch(cell):
        return "long"
    if cell.lower() in ("true", "false"):
        return "boolean"
    try:
        float(cell)
    except ValueError:
        return "string"
    return "double"


def _type_of_value(value: Any) -> str | None:
    """The Avro type of a value; empty text where it has none."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "long" if value in _LONG else "double"
    return {float: "double", str: "string"}.get(type(value), "")


def _widen(known: str | None, found: str | None, *, as_text: bool) -> str | None:
    """What holds both; empty text where nothing does."""
    if found is None or known == found:
        return known
    if known is None:
        return found
    if {known, found} == {"long", "double"}:
        return "double"
    return "string" if as_text else ""


def _describe(value: Any, known: str | None) -> str:
    if known is None or isinstance(value, Mapping | list | bytes):
        return f"a {type(value).__name__} needs a schema; put one into SCORELINE_SCHEMA_DIR or the registry"
    return f"expected a {known} as in the rows before, but it is {value!r}"
