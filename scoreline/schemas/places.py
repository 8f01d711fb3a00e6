"""Follows a dotted path into a writer's schema, by names and aliases, to the field that it leads to."""

from collections.abc import Sequence
from dataclasses import dataclass

from scoreline.errors import SchemaIncompatible
from scoreline.schemas.shapes import Branches, Fields, Items, Leaf, Shape

Path = tuple[str, ...]
"""Names of fields from the root down, as the writer calls them."""


@dataclass(frozen=True, slots=True)
class Place:
    """A field that something is taken from.

    Attributes:
        leaves: every type that a value there can have, null left out.
    """

    path: Path
    leaves: tuple[Leaf, ...]


def find_place(root: Fields, field: str, subject: str, *, optional: bool) -> Place | None:
    """The place that a dotted path leads to; None where an optional one is missing."""
    path: list[str] = []
    shapes: list[Shape] = [root]
    for name in field.split("."):
        found = _descend(shapes, name, field, subject)
        if found is None:
            if optional:
                return None
            where = f"its record {'.'.join(path)!r}" if path else "the writer's schema"
            raise SchemaIncompatible(f"{subject} needs the field {field!r}, but {where} has no field {name!r}")
        actual, shapes = found
        path.append(actual)
    leaves: list[Leaf] = []
    for shape in _flatten(shapes):
        if not isinstance(shape, Leaf):
            raise SchemaIncompatible(f"{subject} needs a single value, but field {field!r} is {_name(shape)}")
        if shape.type != "null" and shape not in leaves:
            leaves.append(shape)
    if sum(leaf.logical == "decimal" for leaf in leaves) > 1:
        raise SchemaIncompatible(f"{subject}: field {field!r} is a union of several decimals")
    return Place(tuple(path), tuple(leaves))


def _descend(shapes: Sequence[Shape], name: str, field: str, subject: str) -> tuple[str, list[Shape]] | None:
    """The writer's name of a field, and its shape in each of the records that may stand here."""
    found = []
    for shape in _flatten(shapes):
        if isinstance(shape, Leaf) and shape.type == "null":
            continue
        if not isinstance(shape, Fields):
            raise SchemaIncompatible(
                f"{subject} needs the field {field!r}, but what should hold {name!r} is {_name(shape)}"
            )
        found.append(shape.find(name))
    present = [f for f in found if f is not None]
    if not present or len(present) < len(found):
        return None
    if len({f.name for f in present}) > 1:
        raise SchemaIncompatible(f"{subject}: the records that may hold {name!r} of {field!r} name it differently")
    return present[0].name, [f.shape for f in present]


def _flatten(shapes: Sequence[Shape]) -> list[Shape]:
    """Shapes with every union replaced by its branches."""
    flat: list[Shape] = []
    for shape in shapes:
        flat.extend(shape.branches if isinstance(shape, Branches) else (shape,))
    return flat


def _name(shape: Shape) -> str:
    if isinstance(shape, Items):
        return "a map" if shape.keyed else "an array"
    return str(shape) if isinstance(shape, Leaf) else "a record"
