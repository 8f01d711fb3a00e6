"""The shape of a writer's schema: a small tree that decoders are made from, free of the spellings that JSON allows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scoreline.errors import SchemaIncompatible
from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.logical import known_logical_type

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
MAX_SCALE = 1000
_SMALLEST = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1, "enum": 1}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value without parts.

    Attributes:
        type: one of Avro's primitive types, `fixed` or `enum`.
        logical: the logical type, where Avro defines it for `type`.
        size: bytes of a `fixed`.
        symbols: of an `enum`.
        scale: digits behind the point of a `decimal`.
    """

    type: str
    logical: str | None = None
    size: int = 0
    symbols: tuple[str, ...] = ()
    scale: int = 0

    def __str__(self) -> str:
        return f"{self.type} ({self.logical})" if self.logical else self.type


NULL = Leaf("null")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record."""

    name: str
    aliases: tuple[str, ...]
    shape: "Shape"


@dataclass(frozen=True, slots=True)
class Fields:
    """A record."""

    name: str
    fields: tuple[Field, ...]

    def find(self, name: str) -> Field | None:
        """The field of that name, else the first one that has it as an alias."""
        for field in self.fields:
            if field.name == name:
                return field
        return next((field for field in self.fields if name in field.aliases), None)


@dataclass(frozen=True, slots=True)
class Branches:
    """A union."""

    branches: tuple["Shape", ...]


@dataclass(frozen=True, slots=True)
class Items:
    """An array or a map: blocks of items."""

    item: "Shape"
    keyed: bool


@dataclass(frozen=True, slots=True)
class Again:
    """The record of this name once more, within itself."""

    name: str


Shape = Leaf | Fields | Branches | Items | Again


@dataclass(frozen=True, slots=True)
class SchemaShape:
    """A whole writer's schema.

    Attributes:
        root: the record that every datum is.
        records: every named record, for `Again`.
    """

    root: Fields
    records: Mapping[str, Fields]


def read_shape(schema: ParsedSchema) -> SchemaShape:
    """The shape of a parsed schema.

    Raises:
        SchemaIncompatible: it is no record, or holds something that Avro does not define.
    """
    reading = _Reading()
    root = reading.read(schema)
    if not isinstance(root, Fields):
        raise SchemaIncompatible("the writer's schema is no record")
    return SchemaShape(root, reading.records)


def smallest_size(shape: Shape) -> int:
    """Bytes that a value takes at least; 0 for a record within itself, which cannot be said."""
    return _smallest_size(shape, {})


def walk_shapes(root: Shape) -> Iterator[Shape]:
    """Every distinct shape below and including `root`, each once, parents first."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        shape = waiting.pop()
        if id(shape) in seen:
            continue
        seen.add(id(shape))
        yield shape
        if isinstance(shape, Fields):
            waiting.extend(field.shape for field in reversed(shape.fields))
        elif isinstance(shape, Branches):
            waiting.extend(reversed(shape.branches))
        elif isinstance(shape, Items):
            waiting.append(shape.item)


class _Reading:
    """What is known while one schema is read: a name that is used twice gives the same shape object."""

    def __init__(self) -> None:
        self.records: dict[str, Fields] = {}
        self._leaves: dict[str, Leaf] = {}
        self._open: set[str] = set()

    def read(self, schema: Any) -> Shape:
        if isinstance(schema, list):
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


def _smallest_size(shape: Shape, known: dict[int, int]) -> int:
    if isinstance(shape, Leaf):
        return shape.size if shape.type == "fixed" else _SMALLEST[shape.type]
    if isinstance(shape, Fields):
        if id(shape) not in known:
            known[id(shape)] = sum(_smallest_size(field.shape, known) for field in shape.fields)
        return known[id(shape)]
    return 0 if isinstance(shape, Again) else 1
