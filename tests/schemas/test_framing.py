import struct

import pytest
from fastavro import parse_schema
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.records import Reason
from scoreline.schemas.framing import Framing, fingerprint_of, prefix_for, split_frames

SCHEMA = parse_schema({"type": "record", "name": "a.B", "fields": [{"name": "x", "type": "long"}]})


def confluent(schema_id: int, datum: bytes = b"datum") -> bytes:
    return struct.pack(">bI", 0, schema_id) + datum


def test_one_schema_for_all_is_one_group_of_every_position():
    frames = split_frames([confluent(7), confluent(7, b"")], Framing.CONFLUENT)

    assert dict(frames.groups) == {7: range(2)}
    assert frames.datum_start == 5
    assert not frames.rejected


def test_payloads_are_grouped_by_the_schema_they_name():
    frames = split_frames([confluent(7), confluent(2_000_000_000), confluent(7)], Framing.CONFLUENT)

    assert dict(frames.groups) == {7: [0, 2], 2_000_000_000: [1]}


def test_an_empty_batch_has_no_groups():
    frames = split_frames([], Framing.CONFLUENT)

    assert not frames.groups
    assert not frames.rejected


@pytest.mark.parametrize(
    ("framing", "payload", "reason", "detail"),
    [
        (Framing.CONFLUENT, None, Reason.TOMBSTONE, "the record has no value"),
        (Framing.CONFLUENT, b"", Reason.UNDECODABLE, "the value is empty"),
        (Framing.CONFLUENT, b"\x00\x00\x00\x01", Reason.UNDECODABLE, "the value has 4 bytes"),
        (Framing.CONFLUENT, b"{}", Reason.UNDECODABLE, "begins with the bytes 7b, but confluent framing has 00"),
        (Framing.CONFLUENT, b"\x01" + bytes(20), Reason.UNDECODABLE, "begins with the bytes 01"),
        (Framing.SINGLE_OBJECT, b"\xc3", Reason.UNDECODABLE, "the value has 1 bytes"),
        (Framing.SINGLE_OBJECT, b"\xc3\x01" + bytes(7), Reason.UNDECODABLE, "the value has 9 bytes"),
        (Framing.SINGLE_OBJECT, b"\xc3\x02" + bytes(8), Reason.UNDECODABLE, "bytes c3 02, but single-object"),
        (Framing.SINGLE_OBJECT, confluent(7) + bytes(9), Reason.UNDECODABLE, "bytes 00 00"),
    ],
)
def test_a_payload_without_a_whole_frame_is_rejected_and_its_neighbours_are_not(framing, payload, reason, detail):
    good = prefix_for(framing, 7, SCHEMA) + b"datum"

    frames = split_frames([good, payload, good], framing)

    ((positions),) = frames.groups.values()
    assert list(positions) == [0, 2]
    (rejected,) = frames.rejected
    assert (rejected.row, rejected.reason) == (1, reason)
    assert detail in rejected.detail


def test_a_batch_of_one_bad_payload_is_rejected():
    frames = split_frames([b"\xff" * 9], Framing.CONFLUENT)

    assert not frames.groups
    assert [r.row for r in frames.rejected] == [0]


def test_the_fingerprint_is_the_published_one_in_little_endian_order():
    """Avro's own test suite gives 7275d51a3f395c8f for the schema "int"."""
    assert fingerprint_of(parse_schema("int")) == bytes.fromhex("7275d51a3f395c8f")[::-1]


def test_the_fingerprint_does_not_depend_on_what_parsing_ignores():
    documented = {
        "type": "record",
        "name": "B",
        "namespace": "a",
        "doc": "said",
        "fields": [{"doc": "so", "name": "x", "type": {"type": "long"}, "default": 3}],
    }

    assert fingerprint_of(parse_schema(documented)) == fingerprint_of(SCHEMA)


@pytest.mark.parametrize("framing", Framing)
def test_what_is_framed_is_split_again(framing):
    payload = prefix_for(framing, 258, SCHEMA) + b"datum"

    frames = split_frames([payload], framing)

    key = 258 if framing is Framing.CONFLUENT else fingerprint_of(SCHEMA)
    assert dict(frames.groups) == {key: range(1)}
    assert payload[frames.datum_start :] == b"datum"


payloads = st.one_of(
    st.none(),
    st.binary(max_size=12),
    st.builds(confluent, st.integers(0, 3), st.binary(max_size=3)),
    st.builds(lambda a, b: b"\xc3\x01" + a + b, st.sampled_from([bytes(8), b"12345678"]), st.binary(max_size=3)),
)


@given(st.lists(payloads), st.sampled_from(Framing))
@settings(max_examples=60, deadline=None)
def test_every_payload_is_in_one_group_or_rejected(batch, framing):
    frames = split_frames(batch, framing)

    rejected = [r.row for r in frames.rejected]
    assert rejected == sorted(rejected)
    assert sorted([*rejected, *(i for positions in frames.groups.values() for i in positions)]) == list(
        range(len(batch))
    )
    for key, positions in frames.groups.items():
        for i in positions:
            named = batch[i][len(framing.magic) : frames.datum_start]
            assert key == (int.from_bytes(named, "big") if framing is Framing.CONFLUENT else named)
