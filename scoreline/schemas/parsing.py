"""Schemas as text and as parsed values: one parser that turns every defect into `SchemaError`, and what equal means."""

import json
from collections.abc import Mapping
from typing import Any

from fastavro import parse_schema
from fastavro.schema import SchemaParseException, UnknownType

from scoreline.errors import SchemaError
from scoreline.schemas.catalog import ParsedSchema

MAX_DEPTH = 64
MAX_FIXED_BYTES = 2**31 - 1
"""As far as Java's library for Avro counts."""

_DEFECTS = (SchemaParseException, UnknownType, ValueError, TypeError, KeyError, AttributeError, RecursionError)
_SAYS_NOTHING_OF_MEANING = frozenset({"doc", "aliases", "default", "order"})


def parse_schema_text(text: str, references: Mapping[str, ParsedSchema] | None = None) -> ParsedSchema:
    """Parse an .avsc document.

    Args:
        text: JSON.
        references: parsed schemas by the full names of the types that the document uses without defining them; what
            comes back holds their definitions where they are first used, and stands alone.

    Raises:
        SchemaError: it is not JSON, not a valid Avro schema, or beyond `MAX_DEPTH` or `MAX_FIXED_BYTES`.
    """
    try:
        document = json.loads(text)
        if references:
            document = to_plain(parse_schema(document, dict(references)))
            document = _inline(document, {name: to_plain(schema) for name, schema in references.items()}, set())
        parsed = parse_schema(document)
        _check(parsed, 0)
    except _DEFECTS as error:
        raise SchemaError(f"not a valid Avro schema: {type(error).__name__}: {error}") from error
    return parsed


def to_plain(schema: ParsedSchema) -> Any:
    """The schema as JSON values, without what the parser has noted in it."""
    return _without(schema, frozenset())


def to_text(schema: ParsedSchema) -> str:
    """The schema as an .avsc document on one line."""
    return json.dumps(to_plain(schema), ensure_ascii=False)


def are_equal(one: ParsedSchema, other: ParsedSchema) -> bool:
    """Whether two schemas say the same in every attribute."""
    return bool(to_plain(one) == to_plain(other))


def mean_the_same(one: ParsedSchema, other: ParsedSchema) -> bool:
    """Whether a datum means the same by both: names, types and logical types, not descriptions or defaults."""
    return bool(_without(one, _SAYS_NOTHING_OF_MEANING) == _without(other, _SAYS_NOTHING_OF_MEANING))


def _without(node: Any, attributes: frozenset[str]) -> Any:
    if isinstance(node, list):
        return [_without(part, attributes) for part in node]
    if isinstance(node, dict):
        kept = {k: v for k, v in node.items() if k not in attributes and not k.startswith("__")}
        return {k: _without(v, attributes) for k, v in kept.items()}
    return node


def _inline(node: Any, definitions: Mapping[str, Any], known: set[str]) -> Any:
    """Put the definition of a referenced type where its name first stands; names are full in a parsed schema."""
    if isinstance(node, str):
        if node in known or node not in definitions:
            return node
        return _inline(definitions[node], definitions, known)
    if isinstance(node, list):
        return [_inline(branch, definitions, known) for branch in node]
    if "name" in node:
        if node["name"] in known:
            return node["name"]
        known.add(node["name"])
    inner = {key: _inline(node[key], definitions, known) for key in ("type", "items", "values") if key in node}
    if "fields" in node:
        inner["fields"] = [{**field, "type": _inline(field["type"], definitions, known)} for field in node["fields"]]
    return {**node, **inner}


def _check(node: Any, depth: int) -> None:
    """Refuse what the parser lets pass, and what no reader could follow."""
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    if isinstance(node, list):
        for branch in node:
            _check(branch, depth + 1)
    elif isinstance(node, dict):
        names = [field["name"] for field in node.get("fields", ())]
        if len(set(names)) != len(names):
            raise ValueError(f"record {node['name']} has two fields of one name")
        if node["type"] == "fixed" and (type(node["size"]) is not int or not 0 <= node["size"] <= MAX_FIXED_BYTES):
            raise ValueError(
                f"the size of fixed {node['name']} has to be a number of bytes up to {MAX_FIXED_BYTES}, "
                f"but is {node['size']!r}"
            )
        for inner in (
            node["type"],
            node.get("items"),
            node.get("values"),
            *(f["type"] for f in node.get("fields", ())),
        ):
            _check(inner, depth + 1)
