"""The schema to read stored values with: without the logical types, which would turn integers into objects."""

from typing import Any

from fastavro import parse_schema

from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.shapes import Branches, Fields, SchemaShape, Shape


def strip_logical_types(schema: ParsedSchema, shape: SchemaShape) -> ParsedSchema:
    """The writer's schema without the logical types of values that can be reached by a path from the root.

    Within arrays and maps, where nothing is taken from, dates and times stay: there fastavro itself has to find those
    that are out of range.
    """
    reached: set[str] = set()
    _collect_records(shape.root, reached)
    return parse_schema(_strip(schema, reached, here=True))


def _collect_records(shape: Shape, reached: set[str]) -> None:
    if isinstance(shape, Fields) and shape.name not in reached:
        reached.add(shape.name)
        for field in shape.fields:
            _collect_records(field.shape, reached)
    elif isinstance(shape, Branches):
        for branch in shape.branches:
            _collect_records(branch, reached)


def _strip(schema: Any, reached: set[str], *, here: bool) -> Any:
    if isinstance(schema, list):
        return [_strip(branch, reached, here=here) for branch in schema]
    if isinstance(schema, str):
        return schema
    kind = schema["type"]
    if kind in ("record", "error"):
        here = schema["name"] in reached
        fields = [{"name": f["name"], "type": _strip(f["type"], reached, here=here)} for f in schema["fields"]]
        return {"type": kind, "name": schema["name"], "fields": fields}
    if kind in ("array", "map"):
        part = "items" if kind == "array" else "values"
        return {"type": kind, part: _strip(schema[part], reached, here=False)}
    if here or schema.get("logicalType") == "decimal":
        return {key: value for key, value in schema.items() if key != "logicalType"}
    return schema
