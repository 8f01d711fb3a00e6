"""Framed Avro to a matrix: ours against fastavro and a dictionary for each record; asserts that the answers are equal.

Run it with `python -m benchmarks.decode`. It takes the real flights where the data set is installed (extra `demo`),
else made-up ones of the same schema.
"""

import io
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
from fastavro import parse_schema, schemaless_reader

from benchmarks.synthetic_flights import encode_flights, make_flights, synthetic_features
from scoreline.demo.flights import CATEGORICAL, FEATURES, FIRST_STREAMED_MONTH, flight_schema, load_flights, to_rows
from scoreline.errors import ConfigError, SchemaNotFound
from scoreline.features import UNSEEN, Feature, FeatureSet, Kind, Matrix
from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.framing import Framing

SIZES = (1, 4, 16, 64, 256, 1024, 4096)
TARGETS = {1024: 10.0}
TARGET_ELSEWHERE = 0.9
ROUNDS = 15
RECORDS_PER_ROUND = 4096
SCHEMA_ID = 1
HEAD = b"\x00" + SCHEMA_ID.to_bytes(4, "big")
SCHEMA = parse_schema(flight_schema())

Decode = Callable[[Sequence[bytes]], tuple[Matrix, Sequence[bytes | None] | None]]


class FlightCatalog:
    """Knows the schema of the flights."""

    def find_writer(self, schema_id: int) -> ParsedSchema:
        if schema_id != SCHEMA_ID:
            raise SchemaNotFound(str(schema_id))
        return SCHEMA

    def find_fingerprint(self, fingerprint: bytes) -> ParsedSchema:
        raise SchemaNotFound(fingerprint.hex())

    def id_of_output(self, subject: str, schema: ParsedSchema) -> int:
        raise SchemaNotFound(subject)

    def latest(self, subject: str) -> ParsedSchema:
        raise SchemaNotFound(subject)


def load_payloads(count: int) -> tuple[str, FeatureSet, list[bytes]]:
    """What they are, the features with their levels, and framed flights."""
    try:
        flights = load_flights()
    except ConfigError:
        return "synthetic flights", synthetic_features(), encode_flights(make_flights(count), HEAD)
    known = flights[flights["month"] < FIRST_STREAMED_MONTH]
    features = FeatureSet(
        tuple(
            Feature(n, Kind.CATEGORICAL, levels=tuple(sorted(known[n].dropna().unique())))
            if n in CATEGORICAL
            else Feature(n)
            for n in FEATURES
        )
    )
    streamed = to_rows(flights[flights["month"] >= FIRST_STREAMED_MONTH])
    return "flights of July 2013", features, encode_flights(list(islice(streamed, count)), HEAD)


def make_ours(features: FeatureSet) -> Decode:
    decoder = PayloadDecoder(FlightCatalog(), framing=Framing.CONFLUENT, id_field="id")

    def decode(payloads: Sequence[bytes]) -> tuple[Matrix, Sequence[bytes | None] | None]:
        decoded = decoder.decode(payloads, features)
        return decoded.features, decoded.ids

    return decode


def make_plain(features: FeatureSet) -> Decode:
    """What one would write by hand: the frame's schema, a dictionary of each record, a row of the matrix from it."""
    schemas = {SCHEMA_ID: SCHEMA}
    codes = [feature.codes if feature.levels is not None else None for feature in features]
    lookups = [
        (feature.field, {**found, None: np.nan} if found else None)
        for feature, found in zip(features, codes, strict=True)
    ]

    def decode(payloads: Sequence[bytes]) -> tuple[Matrix, Sequence[bytes | None]]:
        rows, ids = [], []
        for payload in payloads:
            schema = schemas[int.from_bytes(payload[1:5], "big")]
            record = schemaless_reader(io.BytesIO(payload[5:]), schema, None)
            rows.append([record[n] if found is None else found.get(record[n], UNSEEN) for n, found in lookups])
            ids.append(record["id"].encode())
        return np.array(rows, dtype=np.float64), ids

    return decode


def measure(decode: Decode, batches: Sequence[Sequence[bytes]]) -> float:
    """CPU seconds of a batch."""
    started = time.process_time()
    for batch in batches:
        decode(batch)
    return (time.process_time() - started) / len(batches)


def check(ours: Decode, plain: Decode, batch: Sequence[bytes]) -> None:
    """The same matrix to the bit, and the same ids."""
    (matrix, ids), (expected, expected_ids) = ours(batch), plain(batch)
    nulls = np.isnan(expected)
    assert np.array_equal(np.isnan(matrix), nulls)
    assert matrix[~nulls].tobytes() == expected[~nulls].tobytes()
    assert ids == expected_ids


def main() -> None:
    name, features, payloads = load_payloads(max(SIZES))
    ours, plain = make_ours(features), make_plain(features)
    mean_bytes = statistics.fmean(map(len, payloads))
    print(f"{len(payloads)} {name}, {len(features)} features and the id, {mean_bytes:.0f} bytes on average, CPU time")
    print(f"{'records':>8} {'ours/s':>12} {'fastavro/s':>12} {'µs a batch':>11} {'ratio':>7} {'target':>7}")
    missed = []
    for size in SIZES:
        starts = range(0, min(len(payloads), max(size, RECORDS_PER_ROUND)), size)
        batches = [payloads[start : start + size] for start in starts]
        for batch in batches:
            check(ours, plain, batch)
        rounds = [(measure(ours, batches), measure(plain, batches)) for _ in range(ROUNDS)]
        mine, theirs = (statistics.median(times) for times in zip(*rounds, strict=True))
        ratio = statistics.median(b / a for a, b in rounds)
        target = TARGETS.get(size, TARGET_ELSEWHERE)
        if ratio < target:
            missed.append(size)
        print(f"{size:8} {size / mine:12,.0f} {size / theirs:12,.0f} {mine * 1e6:11.1f} {ratio:7.2f} {target:7.1f}")
    assert not missed, f"slower than promised at {missed} records"


if __name__ == "__main__":
    main()
