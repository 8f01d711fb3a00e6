"""Schemas as text and as parsed values: one parser that turns every defect into `SchemaError`, and what equal means."""

import json
from typing import Any

from fastavro import parse_schema
from fastavro.schema import SchemaParseException, UnknownType

from scoreline.errors import SchemaError
from scoreline.schemas.catalog import ParsedSchema

_DEFECTS = (SchemaParseException, UnknownType, ValueError, TypeError, KeyError, AttributeError, RecursionError)
_SAYS_NOTHING_OF_MEANING = frozenset({"doc", "aliases", "default", "order"})


def parse_schema_text(text: str) -> ParsedSchema:
    """Parse an .avsc document.

    Raises:
        SchemaError: it is not JSON, or not a valid Avro schema.
    """
    try:
        return parse_schema(json.loads(text))
    except _DEFECTS as error:
        raise SchemaError(f"not a valid Avro schema: {type(error).__name__}: {error}") from error


def to_plain(schema: ParsedSchema) -> Any:
    """The schema as JSON values, without what the parser has noted in it."""
    return _without(schema, frozenset())


def to_text(schema: ParsedSchema) -> str:
    """The schema as an .avsc document on one line."""
    return json.dumps(to_plain(schema), ensure_ascii=False)


def mean_the_same(one: ParsedSchema, other: ParsedSchema) -> bool:
    """Whether a datum means the same by both: types, names and logical types, not descriptions or defaults."""
    return bool(_without(one, _SAYS_NOTHING_OF_MEANING) == _without(other, _SAYS_NOTHING_OF_MEANING))


def _without(node: Any, attributes: frozenset[str]) -> Any:
    if isinstance(node, list):
        return [_without(part, attributes) for part in node]
    if isinstance(node, dict):
        kept = {k: v for k, v in node.items() if k not in attributes and not k.startswith("__")}
        return {k: _without(v, attributes) for k, v in kept.items()}
    return node
