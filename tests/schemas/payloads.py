"""Builders for decoding tests: schemas and records in, payloads and decoded values out, by both ways of decoding."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from scoreline.errors import SchemaNotFound
from scoreline.features import Feature, FeatureSet, Kind
from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.decoded import Decoded, Rejected
from scoreline.schemas.decoder import COLUMNS_FROM_RECORDS, PayloadDecoder
from scoreline.schemas.framing import Framing, fingerprint_of

ENOUGH_FOR_COLUMNS = COLUMNS_FROM_RECORDS
HEAD = b"\x00\x00\x00\x00\x01"


class OneShelf:
    """A catalog over a dictionary; counts how often it is asked."""

    def __init__(self, schemas: Mapping[int, Any]) -> None:
        self.schemas = {number: parse_schema(schema) for number, schema in schemas.items()}
        self.asked = 0

    def find_writer(self, schema_id: int) -> ParsedSchema:
        self.asked += 1
        if schema_id not in self.schemas:
            raise SchemaNotFound(f"there is no schema {schema_id}")
        return self.schemas[schema_id]

    def find_fingerprint(self, fingerprint: bytes) -> ParsedSchema:
        for schema in self.schemas.values():
            if fingerprint_of(schema) == fingerprint:
                return schema
        raise SchemaNotFound(f"there is no schema with the fingerprint {fingerprint.hex()}")

    def id_of_output(self, subject: str, schema: ParsedSchema) -> int:
        raise SchemaNotFound(subject)

    def latest(self, subject: str) -> ParsedSchema:
        raise SchemaNotFound(subject)


class One(NamedTuple):
    """What one payload gave."""

    values: list[float]
    id: bytes | None
    event_time_ms: int | None


def record_of(*fields: Any, **named: Any) -> dict[str, Any]:
    """A record's schema; fields without a name are called f0, f1 and so on."""
    numbered = {f"f{i}": kind for i, kind in enumerate(fields)}
    return {
        "type": "record",
        "name": "Row",
        "fields": [{"name": name, "type": kind} for name, kind in {**numbered, **named}.items()],
    }


def encode(schema: Any, record: Any, head: bytes = HEAD) -> bytes:
    stream = io.BytesIO()
    schemaless_writer(stream, parse_schema(schema), record)
    return head + stream.getvalue()


def read_with_fastavro(schema: ParsedSchema, payload: bytes) -> Any:
    """The oracle: the record, if fastavro reads one behind the head and nothing is left over; else None."""
    stream = io.BytesIO(payload)
    stream.seek(len(HEAD))
    try:
        record = schemaless_reader(stream, schema, None)
    except Exception:  # noqa: BLE001 - whatever it raises, its verdict is no
        return None
    return record if stream.tell() == len(payload) else None


def numeric(*names: str) -> FeatureSet:
    return FeatureSet(tuple(Feature(name) for name in names))


def levelled(name: str, *levels: Any) -> FeatureSet:
    return FeatureSet((Feature(name, Kind.CATEGORICAL, levels=levels),))


def make_decoder(schema: Any, **options: Any) -> PayloadDecoder:
    return PayloadDecoder(OneShelf({1: schema}), framing=Framing.CONFLUENT, **options)


def pick(decoded: Decoded, row: int) -> One | Rejected:
    """What became of one payload, after checking that it became exactly one thing."""
    rejected = [one for one in decoded.rejected if one.row == row]
    kept = np.flatnonzero(decoded.rows == row).tolist()
    assert len(rejected) + len(kept) == 1
    if rejected:
        return rejected[0]
    at = kept[0]
    return One(
        decoded.features[at].tolist(),
        None if decoded.ids is None else decoded.ids[at],
        None if decoded.event_times_ms is None else decoded.event_times_ms[at],
    )


def decode_both_ways(
    schema: Any, payloads: Sequence[bytes], features: FeatureSet, **options: Any
) -> list[One | Rejected]:
    """What each payload becomes, after checking that it is the same alone (by rows) and among many (by columns)."""
    decoder = make_decoder(schema, **options)
    alone = [pick(decoder.decode([payload], features), 0) for payload in payloads]
    repeats = -(-ENOUGH_FOR_COLUMNS // len(payloads)) + 1
    many = decoder.decode(list(payloads) * repeats, features)
    for row in range(len(payloads) * repeats):
        expected = alone[row % len(payloads)]
        found = pick(many, row)
        assert same(found, expected), f"row {row}: columns say {found}, rows say {expected}"
    return alone


def decode_values(schema: Any, records: Sequence[Any], features: FeatureSet) -> list[list[float]]:
    """The values of good records, decoded both ways."""
    found = decode_both_ways(schema, [encode(schema, record) for record in records], features)
    assert all(isinstance(one, One) for one in found), found
    return [one.values for one in found if isinstance(one, One)]


def same(found: One | Rejected, expected: One | Rejected) -> bool:
    """Equal to the bit, NaN and the sign of zero included, wherever in the batch it stood."""
    if isinstance(found, One) and isinstance(expected, One):
        return found[1:] == expected[1:] and same_values(found.values, expected.values)
    if isinstance(found, Rejected) and isinstance(expected, Rejected):
        return found[1:] == expected[1:]
    return False


def same_values(found: Sequence[float], expected: Sequence[float]) -> bool:
    return len(found) == len(expected) and all(
        (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1.0, a) == math.copysign(1.0, b))
        for a, b in zip(found, expected, strict=True)
    )
