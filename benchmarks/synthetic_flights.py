"""Made-up flights of the demonstration's schema, the same ones for the same seed: no data set, no pandas."""

import io
import random
from collections.abc import Mapping
from typing import Any

from fastavro import parse_schema, schemaless_writer

from scoreline.demo.flights import CATEGORICAL, FEATURES, flight_schema
from scoreline.features import Feature, FeatureSet, Kind

LEVELS: Mapping[str, tuple[str, ...]] = {
    "carrier": ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"),
    "origin": ("EWR", "JFK", "LGA"),
    "dest": tuple(a + b + c for a in "ABDLMS" for b in "ANOST" for c in "LXA"),
    "manufacturer": (
        "AIRBUS",
        "AIRBUS INDUSTRIE",
        "BOEING",
        "BOMBARDIER INC",
        "EMBRAER",
        "MCDONNELL DOUGLAS",
        "MCDONNELL DOUGLAS AIRCRAFT CO",
        "MCDONNELL DOUGLAS CORPORATION",
    ),
    "model": tuple(
        f"{family}-{n}" for family in ("737", "757", "A320", "A321", "CL-600", "EMB") for n in range(200, 220)
    ),
    "type": ("Fixed wing multi engine", "Fixed wing single engine", "Rotorcraft"),
    "engine": ("4 Cycle", "Reciprocating", "Turbo-fan", "Turbo-jet", "Turbo-prop", "Turbo-shaft"),
}
_RANGES = {
    "day_of_week": (0, 6),
    "scheduled_departure": (300, 1439),
    "scheduled_arrival": (0, 1439),
    "distance": (80, 4983),
    "flight": (1, 8500),
    "plane_year": (1956, 2013),
    "engines": (1, 4),
    "seats": (2, 450),
}
_MOSTLY_MISSING = "wind_gust"


def synthetic_features() -> FeatureSet:
    """The 25 features, in the order of the demonstration's model."""
    return FeatureSet(
        tuple(
            Feature(n, Kind.CATEGORICAL, levels=LEVELS[n]) if n in CATEGORICAL else Feature(n, Kind.NUMERIC)
            for n in FEATURES
        )
    )


def make_flights(count: int, seed: int = 13) -> list[dict[str, Any]]:
    """Flights with about a tenth of what may be missing missing, and now and then a level that nobody knows."""
    chance = random.Random(seed)
    return [_make_flight(chance) for _ in range(count)]


def encode_flights(flights: list[dict[str, Any]], head: bytes) -> list[bytes]:
    """Flights as Avro behind a frame's head."""
    schema = parse_schema(flight_schema())
    payloads = []
    for flight in flights:
        stream = io.BytesIO()
        schemaless_writer(stream, schema, flight)
        payloads.append(head + stream.getvalue())
    return payloads


def _make_flight(chance: random.Random) -> dict[str, Any]:
    flight: dict[str, Any] = {}
    for field in flight_schema()["fields"]:
        name = field["name"]
        if name == "id":
            day, month = chance.randint(1, 28), chance.randint(7, 12)
            flight[name] = f"2013-{month:02}-{day:02}-{chance.choice(LEVELS['carrier'])}{chance.randint(1, 8500)}-EWR"
        elif isinstance(field["type"], list) and chance.random() < (0.8 if name == _MOSTLY_MISSING else 0.1):
            flight[name] = None
        elif name in LEVELS:
            flight[name] = (
                chance.choice(LEVELS[name]) if chance.random() < 0.99 else f"unknown é{chance.randint(0, 99)}"
            )
        elif name in _RANGES:
            flight[name] = chance.randint(*_RANGES[name])
        else:
            flight[name] = round(chance.gauss(50.0, 20.0), 2)
    return flight
