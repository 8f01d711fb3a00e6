"""Flights and labels as Avro in the `confluent` frame."""

import io
import struct
from typing import Any

import fastavro

from scoreline.demo.flights import flight_schema
from scoreline.demo.poison import Poison, make_poisons
from scoreline.schemas.fixed import LABEL_ID, load_fixed

CONFLUENT_FRAME_BYTES = 5


class FlightEncoder:
    """Flights, and every way to break one."""

    def __init__(self, schema_id: int) -> None:
        self._schema = fastavro.parse_schema(flight_schema())
        self._schema_id = schema_id

    def encode(self, row: dict[str, Any]) -> bytes:
        """One framed payload."""
        return _frame(self._schema_id, self._schema, row)

    def poisons(self) -> list[Poison]:
        """Every way to break such a payload."""
        return make_poisons(self._make_infinite)

    def _make_infinite(self, payload: bytes) -> bytes:
        return self.encode({**decode_framed(payload, self._schema), "departure_delay": float("inf")})


def encode_label(prediction: str, label: float) -> bytes:
    """What was true of a prediction, by its id."""
    return _frame(LABEL_ID, load_fixed(LABEL_ID), {"id": prediction, "label": label})


def decode_framed(payload: bytes, schema: Any) -> dict[str, Any]:
    """The record of a framed payload that was written with this schema."""
    record = fastavro.schemaless_reader(io.BytesIO(payload[CONFLUENT_FRAME_BYTES:]), schema, None)
    if not isinstance(record, dict):
        raise TypeError(f"a payload has to be a record, but is {type(record).__name__}")
    return record


def _frame(schema_id: int, schema: Any, record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    out.write(struct.pack(">bI", 0, schema_id))
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()
