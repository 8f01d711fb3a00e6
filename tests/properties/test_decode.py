"""Decoding against oracles: the record as it was before it was written, and fastavro's verdict on broken bytes."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from fastavro import parse_schema
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.synthetic_flights import encode_flights, make_flights, synthetic_features
from scoreline.demo.flights import flight_schema
from scoreline.features import UNSEEN, FeatureSet
from scoreline.records import Reason
from scoreline.schemas.decoded import Decoded
from scoreline.schemas.decoder import COLUMNS_FROM_RECORDS
from tests.properties.avro_records import expected_value, features_of, schemas_with_records
from tests.schemas.payloads import HEAD, One, decode_both_ways, encode, make_decoder, read_with_fastavro, same_values

SCHEMA = parse_schema(flight_schema())
FEATURES = synthetic_features()
EXTREMES = [b"\xff" * n + last for n in range(1, 12) for last in (b"\x00", b"\x01", b"\x7f")]


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_columns_rows_and_the_record_itself_agree_on_every_value(data: st.DataObject):
    """Random schemas and records; columns equal rows to the bit, and both equal what was written."""
    check_values(data, with_blocks=False)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_arrays_and_maps_beside_the_features_change_nothing(data: st.DataObject):
    check_values(data, with_blocks=True)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_verdict_on_broken_bytes_is_fastavros(data: st.DataObject):
    """Random schemas, random damage: accepted exactly if fastavro reads it to the last byte."""
    check_verdicts(data)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(st.data())
def test_values_agree_over_many_schemas(data: st.DataObject):
    check_values(data, with_blocks=data.draw(st.booleans()))


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(st.data())
def test_verdicts_agree_over_many_schemas(data: st.DataObject):
    check_verdicts(data)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | st.binary(max_size=60), max_size=2 * COLUMNS_FROM_RECORDS))
def test_no_bytes_at_all_can_make_decoding_raise(payloads: list[bytes | None]):
    decoder = make_decoder(SCHEMA, id_field="id")
    framed = [None if payload is None else HEAD + payload for payload in payloads]
    for batch in (payloads, framed):
        decoded = decoder.decode(batch, FEATURES)
        assert sorted([*decoded.rows.tolist(), *(one.row for one in decoded.rejected)]) == list(range(len(batch)))


@pytest.mark.slow
def test_two_thousand_mutated_flights_get_fastavros_verdict():
    assert fuzz_flights(2_000, seed=1) > 200


@pytest.mark.slow
def test_a_hundred_thousand_mutated_flights_get_fastavros_verdict():
    assert fuzz_flights(100_000, seed=2) > 10_000


def check_values(data: st.DataObject, *, with_blocks: bool) -> None:
    drawn = data.draw(schemas_with_records(with_blocks=with_blocks))
    features = FeatureSet(tuple(data.draw(features_of(drawn))))
    found = decode_both_ways(drawn.schema, [encode(drawn.schema, r) for r in drawn.records], features)
    for record, one in zip(drawn.records, found, strict=True):
        assert isinstance(one, One), one
        assert same_values(one.values, [expected_value(record, feature, drawn) for feature in features])


def check_verdicts(data: st.DataObject) -> None:
    drawn = data.draw(schemas_with_records(with_blocks=data.draw(st.booleans())))
    features = FeatureSet(tuple(data.draw(features_of(drawn))))
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    payloads = [encode(drawn.schema, record) for record in drawn.records]
    broken = [mutate(chance.choice(payloads), chance) for _ in range(8)]
    found = decode_both_ways(drawn.schema, [*payloads, *broken], features)
    schema = parse_schema(drawn.schema)
    assert [isinstance(one, One) for one in found] == [
        read_with_fastavro(schema, payload) is not None for payload in (*payloads, *broken)
    ]


def fuzz_flights(count: int, seed: int) -> int:
    """Decode batches of mutated and intact flights, checking every row; how many mutated ones were accepted."""
    chance = random.Random(seed)
    intact = encode_flights(make_flights(400, seed), HEAD)
    values = {payload: read_values(payload) for payload in intact}
    decoder = make_decoder(SCHEMA, id_field="id")
    tried = accepted = 0
    while tried < count:
        size = chance.choice((1, COLUMNS_FROM_RECORDS, 100, 500))
        batch = [chance.choice(intact) for _ in range(size)]
        for row in range(size):
            if tried < count and chance.random() < 0.8:
                batch[row] = mutate(batch[row], chance)
                tried += 1
        expected = [values[payload] if payload in values else read_values(payload) for payload in batch]
        check_batch(decoder.decode(batch, FEATURES), expected)
        accepted += sum(one is not None and payload not in values for one, payload in zip(expected, batch, strict=True))
    return accepted


def check_batch(decoded: Decoded, expected: Sequence[tuple[list[float], bytes] | None]) -> None:
    """Every row that fastavro reads is there with its values and id, every other one is rejected with a detail."""
    good = [row for row, one in enumerate(expected) if one is not None]
    assert decoded.rows.tolist() == good
    assert [one.row for one in decoded.rejected] == [row for row, one in enumerate(expected) if one is None]
    assert all(one.reason is Reason.UNDECODABLE and one.detail for one in decoded.rejected)
    kept = [one for one in expected if one is not None]
    assert decoded.ids == [record_id for _, record_id in kept]
    matrix = np.array([row for row, _ in kept], dtype=np.float64).reshape(len(kept), len(FEATURES))
    nulls = np.isnan(matrix)
    assert np.array_equal(np.isnan(decoded.features), nulls)
    assert decoded.features[~nulls].tobytes() == matrix[~nulls].tobytes()


def read_values(payload: bytes) -> tuple[list[float], bytes] | None:
    """The features and the id of a flight by fastavro and the feature's own rules; None where it cannot be read."""
    record = read_with_fastavro(SCHEMA, payload)
    if record is None:
        return None
    values = []
    for feature in FEATURES:
        value = record[feature.field]
        if value is None:
            values.append(np.nan)
        else:
            values.append(float(value) if feature.levels is None else float(CODES[feature.name].get(value, UNSEEN)))
    return values, record["id"].encode()


CODES = {feature.name: feature.codes for feature in FEATURES}


def mutate(payload: bytes, chance: random.Random) -> bytes:
    """One to three random changes behind the frame's head."""
    damaged = bytearray(payload)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randint(len(HEAD), max(len(HEAD), len(damaged) - 1))
        length = chance.randint(1, 12)
        match chance.randrange(7):
            case 0 if at < len(damaged):
                damaged[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(damaged):
                damaged[at] = chance.randrange(256)
            case 2:
                del damaged[at:]
            case 3:
                damaged[at:at] = chance.randbytes(length)
            case 4:
                damaged[at:at] = damaged[at : at + length]
            case 5:
                damaged[at : at + 1] = chance.choice(EXTREMES)
            case _:
                del damaged[at : at + length]
    return bytes(damaged)
