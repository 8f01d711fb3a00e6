"""Schemas that are valid, but by which a few bytes could stop the service: each gets a verdict instead."""

import pytest

from scoreline.records import Reason
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.framing import Framing
from tests.schemas.payloads import ENOUGH_FOR_COLUMNS, HEAD, OneShelf, encode, make_decoder, numeric, record_of


@pytest.mark.parametrize("size", [1, ENOUGH_FOR_COLUMNS])
def test_a_schema_beyond_what_numpy_counts_is_incompatible_and_stays_so(size):
    """No parser of ours lets such a size pass; a catalog that did must not end the process."""
    shelf = OneShelf({1: record_of({"type": "fixed", "name": "F", "size": 10**30}, x="double")})
    decoder = PayloadDecoder(shelf, framing=Framing.CONFLUENT)
    features = numeric("x")
    for _ in range(2):
        rejected = decoder.decode([HEAD + bytes(8)] * size, features).rejected
        assert [one.reason for one in rejected] == [Reason.INCOMPATIBLE_SCHEMA] * size
        assert rejected[0].detail.startswith("the writer's schema is beyond what can be read (OverflowError: ")
    assert shelf.asked == 1


@pytest.mark.parametrize("leaf", ["int", {"type": "long", "logicalType": "timestamp-millis"}])
def test_a_schema_that_unfolds_to_a_billion_fields_is_planned_at_once(leaf):
    """Thirty records, each with the one before twice; a null keeps the datum short."""
    inner = {"type": "record", "name": "R0", "fields": [{"name": "v", "type": leaf}]}
    for n in range(1, 30):
        fields = [{"name": "a", "type": inner}, {"name": "b", "type": f"R{n - 1}"}]
        inner = {"type": "record", "name": f"R{n}", "fields": fields}
    schema = record_of(["null", inner, {"type": "array", "items": "R29"}], x="int")
    payloads = [encode(schema, {"f0": value, "x": 3}) for value in (None, [])] * ENOUGH_FOR_COLUMNS
    assert make_decoder(schema).decode(payloads, numeric("x")).features.tolist() == [[3.0]] * len(payloads)
