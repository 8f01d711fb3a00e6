"""Takes values from records as fastavro gives them, and finds those that their logical type does not allow."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from scoreline.schemas.logical import BOUNDS, is_uuid
from scoreline.schemas.places import Path
from scoreline.schemas.shapes import NULL, Branches, Fields, Items, Leaf, Shape

MAX_CHECKS = 4096
"""Above this the careful reader, which needs no checks, is the faster one."""

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
    """Checks of the values that logical types bound; None where a careful reader has to find those that are outside.

    It has to where a value alone does not tell which type it has, and where a record stands at a path and within an
    array or map as well: it has one definition, stripped of the logical types by which fastavro would check the items.
    """
    checks: list[Check] = []
    bounded: dict[int, bool] = {}
    if any(_has_bounds(record, bounded) for record in _find_shared(root)):
        return None
    waiting: list[tuple[Path, Shape]] = [((), root)]
    while waiting:
        path, shape = waiting.pop()
        if not _has_bounds(shape, bounded):
            continue
        if isinstance(shape, Leaf):
            checks.append(_make_check(path, shape))
        elif isinstance(shape, Fields):
            waiting.extend(((*path, field.name), field.shape) for field in shape.fields)
        elif isinstance(shape, Branches):
            present = [branch for branch in shape.branches if branch != NULL]
            waiting.extend((path, branch) for branch in present)
            if len(present) > 1:
                return None
        if len(checks) > MAX_CHECKS:
            return None
    return checks


def _find_shared(root: Shape) -> list[Fields]:
    """Records that can be reached by a path, and stand within an array or map as well."""
    seen: dict[bool, dict[int, Shape]] = {False: {}, True: {}}
    waiting = [(root, False)]
    while waiting:
        shape, is_item = waiting.pop()
        if id(shape) in seen[is_item]:
            continue
        seen[is_item][id(shape)] = shape
        if isinstance(shape, Fields):
            waiting.extend((field.shape, is_item) for field in shape.fields)
        elif isinstance(shape, Branches):
            waiting.extend((branch, is_item) for branch in shape.branches)
        elif isinstance(shape, Items):
            waiting.append((shape.item, True))
    return [shape for key, shape in seen[False].items() if key in seen[True] and isinstance(shape, Fields)]


def _has_bounds(shape: Shape, known: dict[int, bool]) -> bool:
    """Whether a logical type bounds a value that can be reached by a path from here."""
    if id(shape) not in known:
        if isinstance(shape, Leaf):
            found = shape.logical in BOUNDS or (shape.type, shape.logical) == ("string", "uuid")
        elif isinstance(shape, Fields):
            found = any(_has_bounds(field.shape, known) for field in shape.fields)
        else:
            found = isinstance(shape, Branches) and any(_has_bounds(branch, known) for branch in shape.branches)
        known[id(shape)] = found
    return known[id(shape)]


def _make_check(path: Path, leaf: Leaf) -> Check:
    pick = make_pick(path)
    if leaf.type == "string":
        return lambda record: (text := pick(record)) is None or is_uuid(text)
    low, high = BOUNDS[leaf.logical or ""]
    return lambda record: (stored := pick(record)) is None or low <= stored <= high
