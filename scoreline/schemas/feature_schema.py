"""The Avro schema that producers can write records of a model's features with, made from the features alone."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from scoreline.errors import SchemaError
from scoreline.features import Feature, Kind, Level

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")
_INT64 = range(-(2**63), 2**63)
_NULL = "null"

_Tree = dict[str, "_Tree | list[Any]"]
"""Fields by name: a record within, or the Avro types that a value may have."""


def make_feature_schema(model: str, features: Iterable[Feature]) -> Mapping[str, Any]:
    """A record with a field for each feature, nullable ones with null as default; dotted paths are records within.

    Any schema that has these fields will do; this one gives each of them the type that loses nothing.

    Args:
        model: the model's name, which the record's name is made from.

    Raises:
        SchemaError: a field cannot be called so in Avro, or would have to be a value and a record at once.
    """
    tree: _Tree = {}
    problems = []
    for feature in features:
        try:
            _plant(tree, feature)
        except SchemaError as error:
            problems.append(str(error))
    if problems:
        raise SchemaError("; ".join(problems))
    name = _NOT_IN_NAMES.sub("_", model)
    return _make_record(f"_{name}" if name[:1].isdigit() else name, tree, set())


def _plant(tree: _Tree, feature: Feature) -> None:
    path = feature.field.split(".")
    if not all(_NAME.fullmatch(part) for part in path):
        raise SchemaError(
            f"the field {feature.field!r} of feature {feature.name!r} cannot be called so in Avro (letters, digits and "
            f"underscores, no digit first); publish the model with another one: "
            f'--features: [{{"name": …, "field": "{"_".join(map(_to_name, path))}"}}]'
        )
    for part in path[:-1]:
        inner = tree.setdefault(part, {})
        if not isinstance(inner, dict):
            raise SchemaError(f"the field {feature.field!r} is within {part!r}, which is the value of another feature")
        tree = inner
    types, planted = _find_types(feature), tree.get(path[-1], [])
    if isinstance(planted, dict):
        raise SchemaError(f"the field {feature.field!r} is to be a value, but others are within it")
    if planted and _without_null(planted) != _without_null(types):
        raise SchemaError(f"two features share the field {feature.field!r}, but need different types")
    tree[path[-1]] = planted if planted and _NULL not in planted else types


def _without_null(types: list[Any]) -> list[Any]:
    return [one for one in types if one != _NULL]


def _find_types(feature: Feature) -> list[Any]:
    """The Avro types of a feature's values, null first where it may be null."""
    if feature.levels is not None:
        types = _find_level_types(feature.levels)
    else:
        # A code is at most 2^31-1: an int.
        types = [
            {Kind.NUMERIC: "double", Kind.INTEGER: "long", Kind.BOOLEAN: "boolean", Kind.CATEGORICAL: "int"}[
                feature.kind
            ]
        ]
    return [_NULL, *types] if feature.nullable else types


def _find_level_types(levels: tuple[Level, ...]) -> list[str]:
    numbers = [level for level in levels if not isinstance(level, str | bool)]
    whole = all(isinstance(level, int) and level in _INT64 for level in numbers)
    found = {
        "string": any(isinstance(level, str) for level in levels),
        "boolean": any(isinstance(level, bool) for level in levels),
        "long" if whole else "double": bool(numbers),
    }
    return [name for name, there in found.items() if there]


def _make_record(name: str, tree: _Tree, taken: set[str]) -> dict[str, Any]:
    while name in taken:  # `a_b.c` and `a.b.c` would both have a record a_b
        name += "_"
    taken.add(name)
    fields = [_make_field(name, label, node, taken) for label, node in tree.items()]
    return {"type": "record", "name": name, "fields": fields}


def _make_field(record: str, label: str, node: "_Tree | list[Any]", taken: set[str]) -> dict[str, Any]:
    if isinstance(node, dict):
        return {"name": label, "type": _make_record(f"{record}_{label}", node, taken)}
    if node[0] == _NULL:
        return {"name": label, "type": node, "default": None}
    return {"name": label, "type": node[0] if len(node) == 1 else node}


def _to_name(part: str) -> str:
    name = _NOT_IN_NAMES.sub("_", part) or "_"
    return f"_{name}" if name[:1].isdigit() else name
