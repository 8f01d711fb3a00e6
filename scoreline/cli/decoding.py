"""Records for people: where one lies, its headers, and its value decoded as far as it can be."""

import base64
import io
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from scoreline.errors import SchemaError, ServiceError, Unavailable
from scoreline.records import Record
from scoreline.schemas.catalog import ParsedSchema, SchemaCatalog
from scoreline.schemas.framing import Framing, SchemaKey, split_frames


class RecordDescriber:
    """Turns records into JSON values. What cannot be decoded is shown with the reason and its bytes in base64."""

    def __init__(self, catalog: SchemaCatalog, framing: Framing) -> None:
        self._catalog = catalog
        self._framing = framing

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
            SchemaError, Unavailable: its schema is not to be had.
        """
        import fastavro

        frames = split_frames([payload], self._framing)
        if frames.rejected:
            raise ValueError(frames.rejected[0].detail)
        (key,) = frames.groups
        schema = self._find(key)
        stream = io.BytesIO(payload)
        stream.seek(frames.datum_start)
        # Hostile bytes make the library raise anything at all; whatever it is, it is shown.
        try:
            value = fastavro.schemaless_reader(stream, schema, None)
        except Exception as error:
            raise ValueError(f"damaged: {type(error).__name__}: {error}") from error
        if stream.tell() != len(payload):
            raise ValueError(f"{len(payload) - stream.tell()} bytes follow the record")
        return value

    def _find(self, key: SchemaKey) -> ParsedSchema:
        try:
            return self._catalog.find_writer(key) if isinstance(key, int) else self._catalog.find_fingerprint(key)
        except (SchemaError, Unavailable) as error:
            raise type(error)(f"no schema: {error}") from error


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
