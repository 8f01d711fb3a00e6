"""Takes values from records as fastavro gives them, and finds those that their logical type does not allow."""

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from scoreline.schemas.logical import BOUNDS, is_uuid
from scoreline.schemas.plan import Path
from scoreline.schemas.shapes import Branches, Fields, Items, Leaf, Shape, walk_shapes

Pick = Callable[[dict[str, Any]], Any]
Check = Callable[[dict[str, Any]], bool]


def make_pick(path: Path) -> Pick:
    """What takes the value at a path; None where a record on the way is null."""
    if len(path) == 1:
        return itemgetter(path[0])

    def walk(record: dict[str, Any]) -> Any:
        value: Any = record
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    return walk


def collect_checks(root: Shape) -> list[Check] | None:
    """Checks of the values that logical types bound; None where a value does not tell which type it has."""
    leaves: dict[Path, list[Leaf]] = {}
    for path, leaf in _walk_leaves(root, ()):
        if leaf not in leaves.setdefault(path, []):
            leaves[path].append(leaf)
    mixed = any(isinstance(shape, Branches) and _has_map_and_record(shape) for shape in walk_shapes(root))
    checks: list[Check] = []
    for path, found in leaves.items():
        bounded = [leaf for leaf in found if leaf.logical in BOUNDS or (leaf.type, leaf.logical) == ("string", "uuid")]
        if bounded and (len(found) > 1 or mixed):
            return None
        checks.extend(_make_check(path, leaf) for leaf in bounded)
    return checks


def _walk_leaves(shape: Shape, path: Path) -> Iterator[tuple[Path, Leaf]]:
    if isinstance(shape, Leaf):
        if shape.type != "null":
            yield path, shape
    elif isinstance(shape, Fields):
        for field in shape.fields:
            yield from _walk_leaves(field.shape, (*path, field.name))
    elif isinstance(shape, Branches):
        for branch in shape.branches:
            yield from _walk_leaves(branch, path)


def _has_map_and_record(union: Branches) -> bool:
    """Whether a dictionary as fastavro gives it may be either."""
    kinds = {type(branch) for branch in union.branches}
    return Items in kinds and Fields in kinds


def _make_check(path: Path, leaf: Leaf) -> Check:
    pick = make_pick(path)
    if leaf.type == "string":
        return lambda record: (text := pick(record)) is None or is_uuid(text)
    low, high = BOUNDS[leaf.logical or ""]
    return lambda record: (stored := pick(record)) is None or low <= stored <= high
