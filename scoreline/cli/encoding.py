"""Rows to framed Avro, one at a time and strictly: what does not fit its schema is told, never bent."""

import io
import json
from collections.abc import Mapping
from typing import Any

import fastavro
from fastavro.validation import ValidationError, validate

from scoreline.cli.cells import read_cells
from scoreline.schemas.catalog import ParsedSchema

_SHOWN_PROBLEMS = 3


class RowEncoder:
    """Encodes rows by one schema, each behind the prefix of its frame.

    Attributes:
        fields: names of the schema's fields.
    """

    def __init__(self, schema: ParsedSchema, prefix: bytes, *, as_text: bool) -> None:
        self._schema = schema
        self._prefix = prefix
        self._as_text = as_text
        self._names = frozenset(field["name"] for field in schema["fields"])
        self.fields: tuple[str, ...] = tuple(field["name"] for field in schema["fields"])

    def left_out(self, row: Mapping[str, Any]) -> list[str]:
        """Columns that the schema has no field for."""
        return [name for name in row if name not in self._names]

    def encode(self, row: Mapping[str, Any]) -> bytes:
        """One framed payload.

        Raises:
            ValueError: the row does not fit the schema; names the fields.
        """
        values = read_cells(row, self._schema) if self._as_text else row
        try:
            validate(values, self._schema, raise_errors=True)
        except ValidationError as error:
            problems = json.loads(str(error))
            raise ValueError("; ".join(problems[:_SHOWN_PROBLEMS])) from error
        out = io.BytesIO()
        out.write(self._prefix)
        fastavro.schemaless_writer(out, self._schema, values)
        return out.getvalue()
