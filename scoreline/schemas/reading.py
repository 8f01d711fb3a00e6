"""Reads the shape of a writer's schema from what the parser made of it, and refuses what nobody could decode."""

from typing import Any

from scoreline.errors import SchemaIncompatible
from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.extents import check_extents
from scoreline.schemas.logical import known_logical_type
from scoreline.schemas.shapes import Again, Branches, Field, Fields, Items, Leaf, SchemaShape, Shape

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
MAX_SCALE = 1000


def read_shape(schema: ParsedSchema) -> SchemaShape:
    """The shape of a parsed schema.

    Raises:
        SchemaIncompatible: it is no record, holds something that Avro does not define or that no value can be, or
            unfolds too far.
    """
    reading = _Reading()
    root = reading.read(schema)
    if not isinstance(root, Fields):
        raise SchemaIncompatible("the writer's schema is no record")
    check_extents(reading.made, reading.records)
    return SchemaShape(root, reading.records)


class _Reading:
    """What is known while one schema is read: a name that is used twice gives the same shape object.

    Attributes:
        made: every shape, parts before the whole.
    """

    def __init__(self) -> None:
        self.made: list[Shape] = []
        self.records: dict[str, Fields] = {}
        self._leaves: dict[str, Leaf] = {}
        self._open: set[str] = set()

    def read(self, schema: Any) -> Shape:
        shape = self._read(schema)
        self.made.append(shape)
        return shape

    def _read(self, schema: Any) -> Shape:
        if isinstance(schema, list):
            if not schema:
                raise SchemaIncompatible("the writer's schema has a union of no types, which no value fits")
            return Branches(tuple(self.read(branch) for branch in schema))
        if isinstance(schema, str):
            return self._read_name(schema)
        kind = schema["type"]
        if isinstance(kind, list | dict):
            return self.read(kind)
        if kind in ("record", "error"):
            return self._read_record(schema)
        if kind in ("array", "map"):
            return Items(self.read(schema["items" if kind == "array" else "values"]), keyed=kind == "map")
        logical = known_logical_type(kind, schema.get("logicalType"))
        if kind == "enum":
            if not schema["symbols"]:
                raise SchemaIncompatible(f"enum {schema['name']!r} of the writer's schema has no symbols")
            leaf = Leaf(kind, symbols=tuple(schema["symbols"]))
        elif kind == "fixed":
            leaf = Leaf(kind, logical, size=int(schema["size"]), scale=_read_scale(schema, logical))
        elif kind in PRIMITIVES:
            return Leaf(kind, logical, scale=_read_scale(schema, logical))
        else:
            return self._read_name(kind)
        self._leaves[schema["name"]] = leaf
        return leaf

    def _read_name(self, name: str) -> Shape:
        if name in PRIMITIVES:
            return Leaf(name)
        if name in self._open:
            return Again(name)
        known = self.records.get(name) or self._leaves.get(name)
        if known is None:
            raise SchemaIncompatible(f"the writer's schema uses {name!r}, which it does not define")
        return known

    def _read_record(self, schema: Any) -> Fields:
        name = schema["name"]
        self._open.add(name)
        fields = tuple(
            Field(field["name"], tuple(field.get("aliases") or ()), self.read(field["type"]))
            for field in schema["fields"]
        )
        self._open.discard(name)
        record = self.records[name] = Fields(name, fields)
        return record


def _read_scale(schema: Any, logical: str | None) -> int:
    scale = schema.get("scale", 0) if logical == "decimal" else 0
    if not isinstance(scale, int) or not 0 <= scale <= MAX_SCALE:
        raise SchemaIncompatible(f"a decimal's scale has to be from 0 to {MAX_SCALE}, but is {scale!r}")
    return scale
