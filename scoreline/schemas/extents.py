"""How far a datum can unfold: refuses schemas by which a few bytes would fill the memory, or Python's stack.

Names let a short document stand for a huge tree, and values without bytes (null, an empty record, a fixed of 0) let a
short payload stand for a huge datum. Each byte pays for `VALUES_PER_BYTE` values; what counts is how many are left
unpaid in the worst datum.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from scoreline.errors import SchemaIncompatible
from scoreline.schemas.shapes import Again, Branches, Fields, Items, Leaf, Shape, smallest_size

MAX_UNFOLDED_DEPTH = 64
MAX_UNPAID_VALUES = 10_000
VALUES_PER_BYTE = 16

_UNPAID_AGAIN = -VALUES_PER_BYTE // 2
"""What a record within itself may leave unpaid at most: proven for each such record, and so for every depth."""

_TOO_MANY = f"may hold more than {VALUES_PER_BYTE} values a byte: a short payload would fill the memory"


class _Extent(NamedTuple):
    """How far one shape unfolds.

    Attributes:
        depth: levels below it.
        size: bytes that it takes at least.
        unpaid: values minus those that its bytes pay for, in the worst datum; of an array or map, in an empty one,
            because no item leaves anything unpaid.
    """

    depth: int
    size: int
    unpaid: int


def check_extents(shapes: Iterable[Shape], records: Mapping[str, Fields]) -> None:
    """Refuse a schema that unfolds too far.

    Args:
        shapes: all of them, parts before the whole, so that no recursion is needed; the last one is the root.
        records: every named record, for `Again`.

    Raises:
        SchemaIncompatible: beyond one of the bounds above.
    """
    extents: dict[int, _Extent] = {}
    repeated: set[str] = set()
    unpaid = 0
    for shape in shapes:
        extent = extents[id(shape)] = _measure(shape, extents)
        if extent.depth > MAX_UNFOLDED_DEPTH:
            raise SchemaIncompatible(
                f"the writer's schema, its named types unfolded, is nested deeper than {MAX_UNFOLDED_DEPTH} levels"
            )
        if isinstance(shape, Again):
            repeated.add(shape.name)
        unpaid = extent.unpaid
    for name in repeated:
        if extents[id(records[name])].unpaid > _UNPAID_AGAIN:
            raise SchemaIncompatible(f"record {name!r}, which stands within itself, {_TOO_MANY}")
    if unpaid > MAX_UNPAID_VALUES:
        raise SchemaIncompatible(
            f"a datum of the writer's schema may hold {unpaid} values beyond those that its bytes account for, "
            f"more than {MAX_UNPAID_VALUES}: a few bytes would fill the memory"
        )


def _measure(shape: Shape, extents: Mapping[int, _Extent]) -> _Extent:
    """The extent of a shape whose parts are measured."""
    if isinstance(shape, Leaf):
        size = smallest_size(shape)
        return _Extent(0, size, 1 - size * VALUES_PER_BYTE)
    if isinstance(shape, Again):
        return _Extent(0, 0, _UNPAID_AGAIN)
    if isinstance(shape, Fields):
        parts = [extents[id(field.shape)] for field in shape.fields]
        return _Extent(_depth_over(parts), sum(p.size for p in parts), 1 + sum(p.unpaid for p in parts))
    if isinstance(shape, Branches):
        parts = [extents[id(branch)] for branch in shape.branches]
        return _Extent(_depth_over(parts), 1, max(p.unpaid for p in parts) - VALUES_PER_BYTE)
    item = extents[id(shape.item)]
    _check_item(shape, item)
    return _Extent(item.depth + 1, 1, 1 - VALUES_PER_BYTE)


def _check_item(shape: Items, item: _Extent) -> None:
    """Items without any bytes are counted when they are read (`faults.MAX_EMPTY_ITEMS`); all others have to pay."""
    size = item.size + shape.keyed
    unpaid = item.unpaid - shape.keyed * VALUES_PER_BYTE
    if unpaid > (0 if size else VALUES_PER_BYTE):
        raise SchemaIncompatible(f"{'a map' if shape.keyed else 'an array'} in the writer's schema {_TOO_MANY}")


def _depth_over(parts: Iterable[_Extent]) -> int:
    return 1 + max((part.depth for part in parts), default=0)
