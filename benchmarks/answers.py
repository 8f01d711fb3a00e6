"""Compares the predictions on a topic with what `Booster.predict` gives for the same rows."""

import io

import fastavro

from benchmarks.flights import Flights
from scoreline.schemas.fixed import prediction_schema
from scoreline.testing.consume import read_records

FRAME_BYTES = 5
SAMPLE = 20_000


def check_answers(bootstrap_servers: str, topic: str, flights: Flights, count: int) -> None:
    """As many predictions as there were records, and the bits of a sample."""
    expected = flights.booster.predict(flights.matrix, num_threads=1)
    position = {name: i for i, name in enumerate(flights.ids)}
    outputs = read_records(bootstrap_servers, topic, at_least=count, within_seconds=180)
    assert len(outputs) == count, f"{len(outputs)} predictions of {count} records"
    for record in outputs[:: max(1, count // SAMPLE)]:
        found = fastavro.schemaless_reader(io.BytesIO(record.value()[FRAME_BYTES:]), prediction_schema(), None)
        assert found["prediction"] == expected[position[found["id"]]], found
