"""The shape of a writer's schema: a small tree that decoders are made from, free of the spellings that JSON allows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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


def _smallest_size(shape: Shape, known: dict[int, int]) -> int:
    if isinstance(shape, Leaf):
        return shape.size if shape.type == "fixed" else _SMALLEST[shape.type]
    if isinstance(shape, Fields):
        if id(shape) not in known:
            known[id(shape)] = sum(_smallest_size(field.shape, known) for field in shape.fields)
        return known[id(shape)]
    return 0 if isinstance(shape, Again) else 1
