"""What `JsonRows` takes as one row, as JSON Schema: for people and for tools, which learn the features from it."""

from collections.abc import Iterable, Sequence
from typing import Any

from scoreline.features import MAX_CODE, Feature, FeatureSet, Kind, Level

_TYPES = {Kind.NUMERIC: "number", Kind.INTEGER: "integer", Kind.BOOLEAN: "boolean", Kind.CATEGORICAL: "integer"}
_NULL = "null"

UNSEEN_LEVEL = "A level that was not in the training: it counts as null."
SKIPPED = "Only another version of the alias has this feature: it is skipped."


def make_row_schema(features: FeatureSet, also_known: Iterable[str] = ()) -> dict[str, Any]:
    """JSON Schema 2020-12 of an object with a value for each feature; those that may not be null are required.

    It does not say that a number has to be within the range of a double.

    Args:
        also_known: names that are skipped where they are no features.
    """
    properties = {feature.name: describe_feature(feature) for feature in features}
    skipped = sorted(set(also_known).difference(properties))
    return {
        "type": "object",
        "properties": properties | {name: {"description": SKIPPED} for name in skipped},
        "required": [feature.name for feature in features if not feature.nullable],
        "additionalProperties": False,
    }


def describe_feature(feature: Feature) -> dict[str, Any]:
    """JSON Schema of one feature's values."""
    if feature.levels is not None:
        choices: list[dict[str, Any]] = [{"enum": list(feature.levels)}] if feature.levels else []
        choices.append({"type": _find_level_types(feature.levels), "description": UNSEEN_LEVEL})
        return {"anyOf": [*choices, {"type": _NULL}] if feature.nullable else choices}
    kind = _TYPES[feature.kind]
    described: dict[str, Any] = {"type": [kind, _NULL] if feature.nullable else kind}
    if feature.kind is Kind.CATEGORICAL:
        described |= {"minimum": 0, "maximum": MAX_CODE, "description": "A category code."}
    return described


def _find_level_types(levels: Sequence[Level]) -> list[str]:
    names = {"string": str, "number": int | float, "boolean": bool}
    found = [
        name
        for name, kind in names.items()
        if any(isinstance(level, kind) and (kind is bool or not isinstance(level, bool)) for level in levels)
    ]
    return found or list(names)
