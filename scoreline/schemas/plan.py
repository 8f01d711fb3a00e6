"""What is to be taken from a datum of one writer's schema for one model: made once, used for every batch."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from scoreline.errors import SchemaIncompatible
from scoreline.features import Feature, FeatureSet, Kind
from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.levels import Levels
from scoreline.schemas.logical import is_uuid_size, scale_to_ms
from scoreline.schemas.places import Place, find_place
from scoreline.schemas.reading import read_shape
from scoreline.schemas.shapes import (
    Again,
    Branches,
    Fields,
    Items,
    Leaf,
    SchemaShape,
    Shape,
    smallest_size,
    walk_shapes,
)

MAX_COLUMN_FIELDS = 4096
MAX_COLUMN_BRANCHES = 64
_NUMBERS = frozenset({"boolean", "int", "long", "float", "double"})
_TEXTS = frozenset({"string", "enum"})
_ID_TYPES = frozenset({"string", "bytes", "enum", "int", "long"})


@dataclass(frozen=True, slots=True)
class Column:
    """Where one column of the matrix comes from.

    Attributes:
        levels: None where the number itself is wanted.
    """

    number: int
    place: Place
    levels: Levels | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be taken from a datum.

    Attributes:
        schema: the writer's, as fastavro parsed it.
        width: columns of the matrix; those not among `columns` belong to optional features and stay NaN.
        takes_columns: whether the shape is one that the column decoder reads.
        is_hostile: whether fastavro can be made to crash, or to fill the memory, by a few bytes of such a schema.
    """

    schema: ParsedSchema
    shape: SchemaShape
    width: int
    columns: tuple[Column, ...]
    id: Place | None
    event_time: Place | None
    takes_columns: bool
    is_hostile: bool


def make_plan(
    schema: ParsedSchema, features: FeatureSet, *, id_field: str | None = None, event_time_field: str | None = None
) -> Plan:
    """Find every feature in a writer's schema, by name or alias.

    Args:
        id_field, event_time_field: dotted paths, as a feature's `field` is.

    Raises:
        SchemaIncompatible: the schema lacks a field, or has it with a type that cannot give what is needed.
    """
    shape = read_shape(schema)
    columns = []
    for number, feature in enumerate(features):
        levels = Levels(feature) if feature.levels is not None else None
        subject = f"feature {feature.name!r}"
        place = find_place(shape.root, feature.field, subject, optional=feature.optional)
        if place is not None:
            refuse = partial(_refuse_number, feature) if levels is None else partial(_refuse_level, levels, place)
            _check(place, feature.field, subject, refuse)
            columns.append(Column(number, place, levels))
    id_place = _find_checked(shape.root, id_field, "the id", _refuse_id)
    time_place = _find_checked(shape.root, event_time_field, "the event time", _refuse_time)
    if time_place is not None and len({scale_to_ms(leaf.logical) for leaf in time_place.leaves}) > 1:
        raise SchemaIncompatible(f"the event time needs one unit, but field {event_time_field!r} has several")
    if id_place is not None and {"bytes", "fixed"} <= {leaf.type for leaf in id_place.leaves}:
        raise SchemaIncompatible(f"the id needs one spelling, but field {id_field!r} is a union of bytes and UUID")
    return Plan(
        schema,
        shape,
        len(features),
        tuple(columns),
        id_place,
        time_place,
        takes_columns=_takes_columns(shape.root),
        is_hostile=_is_hostile(shape.root),
    )


def _find_checked(root: Fields, field: str | None, subject: str, refuse: Callable[[Leaf], str | None]) -> Place | None:
    if field is None:
        return None
    place = find_place(root, field, subject, optional=False)
    if place is not None:
        _check(place, field, subject, refuse)
    return place


def _check(place: Place, field: str, subject: str, refuse: Callable[[Leaf], str | None]) -> None:
    for leaf in place.leaves:
        need = refuse(leaf)
        if need is not None:
            raise SchemaIncompatible(f"{subject} needs {need}, but field {field!r} is {leaf}")


def _refuse_number(feature: Feature, leaf: Leaf) -> str | None:
    """What a feature without levels needs instead of this type; None where the type will do."""
    if _is_number(leaf):
        return None
    if feature.kind is Kind.CATEGORICAL and leaf.type in _TEXTS:
        return "a level list to take texts, or else a number"
    return "a number"


def _refuse_level(levels: Levels, place: Place, leaf: Leaf) -> str | None:
    """What a feature with levels needs instead of this type; None where the type will do.

    Of a union, one type that can be a level is enough: values of the others are levels never seen.
    """
    if not _is_number(leaf) and leaf.type not in _TEXTS:
        return "a text or a number"
    if any(levels.has_numbers if _is_number(other) else levels.has_texts for other in place.leaves):
        return None
    wanted, found = ("a text", "texts") if levels.has_texts else ("a number", "numbers")
    return f"{wanted}, because all its levels are {found}"


def _is_number(leaf: Leaf) -> bool:
    return leaf.type in _NUMBERS or leaf.logical == "decimal"


def _refuse_id(leaf: Leaf) -> str | None:
    if leaf.type in _ID_TYPES and leaf.logical != "decimal":
        return None
    if leaf.type == "fixed" and leaf.logical == "uuid" and is_uuid_size(leaf.size):
        return None
    return "a string, an integer or a UUID"


def _refuse_time(leaf: Leaf) -> str | None:
    is_time = leaf.type in ("int", "long") and scale_to_ms(leaf.logical) is not None
    return None if is_time else "a timestamp, a date or milliseconds as a long"


def _takes_columns(root: Shape) -> bool:
    return _count_fields(root, 0) <= MAX_COLUMN_FIELDS


def _count_fields(shape: Shape, counted: int) -> int:
    """How many values a datum is read as; more than the bound for a shape that columns do not take."""
    if counted > MAX_COLUMN_FIELDS or isinstance(shape, Items | Again):
        return MAX_COLUMN_FIELDS + 1
    if isinstance(shape, Fields):
        for field in shape.fields:
            counted = _count_fields(field.shape, counted)
    if isinstance(shape, Branches):
        if len(shape.branches) > MAX_COLUMN_BRANCHES:
            return MAX_COLUMN_FIELDS + 1
        for branch in shape.branches:
            counted = _count_fields(branch, counted)
    return counted + 1


def _is_hostile(root: Shape) -> bool:
    """A record within itself overflows the C stack, an array of nothing has as many items as its count says."""
    return any(
        isinstance(shape, Again) or (isinstance(shape, Items) and not shape.keyed and smallest_size(shape.item) == 0)
        for shape in walk_shapes(root)
    )
