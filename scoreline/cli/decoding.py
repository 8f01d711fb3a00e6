"""Records for people: where one lies, its headers, and its value decoded as far as it can be."""

import base64
import io
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from scoreline.errors import SchemaError, ServiceError, Unavailable
from scoreline.records import Record
from scoreline.schemas.catalog import ParsedSchema, SchemaCatalog
from scoreline.schemas.faults import find_fault
from scoreline.schemas.framing import Framing, SchemaKey, split_frames
from scoreline.schemas.reading import read_shape
from scoreline.schemas.shapes import SchemaShape

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class RecordDescriber:
    """Turns records into JSON values. What cannot be decoded is shown with the reason and its bytes in base64."""

    def __init__(self, catalog: SchemaCatalog, framing: Framing) -> None:
        self._catalog = catalog
        self._framing = framing
        self._shapes: dict[SchemaKey, SchemaShape] = {}

    def describe(self, record: Record) -> dict[str, Any]:
        """One record; `value` is null for a tombstone, and `undecodable` says why there is none otherwise."""
        kind, timestamp_ms = record.timestamp()
        described: dict[str, Any] = {
            "topic": record.topic(),
            "partition": record.partition(),
            "offset": record.offset(),
            "timestamp": to_json(datetime.fromtimestamp(timestamp_ms / 1000, UTC)) if kind else None,
            "key": to_json(record.key()),
            "headers": [[name, to_json(value)] for name, value in record.headers() or ()],
            "value": None,
        }
        payload = record.value()
        if payload is not None:
            try:
                described["value"] = to_json(self._decode(payload))
            except (ServiceError, ValueError) as error:
                described["undecodable"] = str(error)
                described["value_base64"] = base64.b64encode(payload).decode()
        return described

    def _decode(self, payload: bytes) -> Any:
        """The datum of a payload.

        Raises:
            ValueError: it has no frame, or is damaged.
            SchemaError, Unavailable: its schema is not to be had, or nothing could be decoded by it.
        """
        import fastavro

        frames = split_frames([payload], self._framing)
        if frames.rejected:
            raise ValueError(frames.rejected[0].detail)
        (key,) = frames.groups
        schema = self._find(key)
        start = frames.datum_start
        # Ahead of the library, which a few bytes can make fill the memory, and which tells less.
        if _is_record(schema):
            fault = find_fault(self._find_shape(key, schema), payload, start)
            if fault is not None:
                raise ValueError(f"damaged: {fault}")
        # Hostile bytes make the library raise anything at all; whatever it is, it is shown.
        try:
            return fastavro.schemaless_reader(io.BytesIO(payload[start:]), schema, None)
        except EOFError as error:
            raise ValueError("damaged: it ends too early") from error
        except Exception as error:
            raise ValueError(f"damaged: {type(error).__name__}: {_ADDRESS.sub('', str(error))}") from error

    def _find_shape(self, key: SchemaKey, schema: ParsedSchema) -> SchemaShape:
        """The shape of a writer's schema.

        Raises:
            SchemaIncompatible: nothing could be decoded by it.
        """
        if key not in self._shapes:
            self._shapes[key] = read_shape(schema)
        return self._shapes[key]

    def _find(self, key: SchemaKey) -> ParsedSchema:
        try:
            return self._catalog.find_writer(key) if isinstance(key, int) else self._catalog.find_fingerprint(key)
        except (SchemaError, Unavailable) as error:
            raise type(error)(f"no schema: {error}") from error


def _is_record(schema: ParsedSchema) -> bool:
    return isinstance(schema, dict) and schema.get("type") in ("record", "error")


def to_json(value: Any) -> Any:
    """A decoded value as JSON can hold it: times as ISO 8601, bytes as text where they are UTF-8, else as base64."""
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(v) for v in value]
    if isinstance(value, bytes):
        return _bytes_to_json(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    return value


def _bytes_to_json(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
