"""Values of jobs on the wire, within a release and between two that overlap in a roll-out."""

import io
import json
import struct
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.errors import SchemaError, Unavailable
from scoreline.jobs.chunk import MOST_CHUNKS
from scoreline.jobs.events import ChunkFailed
from scoreline.jobs.fields import MOST_DETAIL_CHARACTERS, Unreadable
from scoreline.jobs.result import ChunkResult, RowError
from scoreline.jobs.wire import JobDecoder, encode_chunk, encode_event, encode_result, find_prefix
from scoreline.schemas.fixed import (
    FIRST_FIXED_ID,
    FIXED_ID_SPAN,
    JOB_CHUNK_ID,
    JOB_EVENT_ID,
    JOB_RESULT_ID,
    load_fixed,
)
from scoreline.schemas.folder import RESCAN_SECONDS, FolderCatalog
from scoreline.schemas.framing import Framing
from scoreline.schemas.parsing import are_equal, mean_the_same, parse_schema_text, to_text
from tests.jobs.builders import (
    JOB,
    OTHER,
    ShippedSchemas,
    cancelled,
    chunk_done,
    chunk_failed,
    make_chunk,
    make_order,
    make_result,
    submitted,
)

FILES = {JOB_CHUNK_ID: "job_chunk.avsc", JOB_RESULT_ID: "job_result.avsc", JOB_EVENT_ID: "job_event.avsc"}
FIRST_RELEASE = Path(__file__).parents[1] / "data" / "jobs"
PREFIX = {schema_id: struct.pack(">bI", 0, schema_id) for schema_id in FILES}


def read(schema_id: int, value: bytes | None, catalog: ShippedSchemas | None = None) -> Any:
    decoder = JobDecoder(catalog or ShippedSchemas(), Framing.CONFLUENT)
    return {
        JOB_CHUNK_ID: decoder.decode_chunk,
        JOB_RESULT_ID: decoder.decode_result,
        JOB_EVENT_ID: decoder.decode_event,
    }[schema_id](value)


def write(schema: Any, schema_id: int, fields: dict[str, Any]) -> bytes:
    stream = io.BytesIO(struct.pack(">bI", 0, schema_id))
    stream.seek(5)
    fastavro.schemaless_writer(stream, schema, fields)
    return stream.getvalue()


EVENTS = [submitted(JOB, OTHER), submitted(), cancelled(), chunk_done(3), chunk_failed(2**31 - 1, JOB, OTHER)]
CHUNK = make_chunk(
    [b'{"a":1}', b"\xff"],
    order=make_order(JOB, OTHER, also_known=("x", "ü"), ignore_unknown=True),
    number=7,
    first_row=9,
)


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_reads_as_it_was_written(event):
    assert read(JOB_EVENT_ID, encode_event(event, PREFIX[JOB_EVENT_ID])) == event


@pytest.mark.parametrize("framing", Framing)
def test_a_chunk_reads_as_it_was_written_whatever_names_its_schema(framing):
    prefix = find_prefix(ShippedSchemas(), framing, "jobs", JOB_CHUNK_ID)
    assert JobDecoder(ShippedSchemas(), framing).decode_chunk(encode_chunk(CHUNK, prefix)) == CHUNK


@settings(max_examples=20, deadline=None)
@given(
    rows=st.integers(1, 20),
    classes=st.sampled_from([(), ("a",), ("a", "b", "ü")]),
    bad=st.lists(st.tuples(st.integers(0, 19), st.text(st.characters(exclude_categories=("Cs",)))), max_size=4),
)
def test_a_result_reads_as_it_was_written_to_the_last_bit(rows, classes, bad):
    errors = tuple(
        RowError(row, detail, feature) for (row, detail), feature in zip(bad, "ab\0c", strict=False) if row < rows
    )
    numbers = np.random.default_rng(rows).standard_normal(rows)
    numbers[0] = np.nan
    scores = np.outer(numbers, np.arange(1.0, len(classes) + 1)) if classes else None
    written = ChunkResult(JOB, OTHER, 4, 2**40, "model", 3, numbers, errors, 1_700_000_000_000, classes, scores)
    found = read(JOB_RESULT_ID, encode_result(written, PREFIX[JOB_RESULT_ID]))
    np.testing.assert_array_equal(found.predictions.view(np.int64), numbers.view(np.int64))
    if scores is None:
        assert found.scores is None
    else:
        np.testing.assert_array_equal(found.scores, scores)
    assert found.errors == errors
    for name in ("job_id", "submission", "number", "first_row", "model", "version", "scored_at_ms", "classes"):
        assert getattr(found, name) == getattr(written, name)


@pytest.mark.parametrize("schema_id", FILES)
def test_the_schemas_are_those_of_the_first_release(schema_id):
    """A schema that changes needs a fixed id of its own, and the golden file of the old one stays here."""
    golden = parse_schema_text((FIRST_RELEASE / FILES[schema_id]).read_text())
    assert mean_the_same(load_fixed(schema_id), golden)
    assert are_equal(load_fixed(schema_id), golden)


def make_later(schema_id: int) -> Any:
    """What a later release may make of a schema: fields more, with defaults, among the others."""
    schema = json.loads((FIRST_RELEASE / FILES[schema_id]).read_text())
    more = [
        {"name": "added", "type": ["null", "string"], "default": None},
        {"name": "more", "type": {"type": "array", "items": "double"}, "default": []},
    ]
    schema["fields"] = [more[0], *schema["fields"], more[1]]
    return fastavro.parse_schema(schema)


VALUES = {
    JOB_CHUNK_ID: (CHUNK, encode_chunk),
    JOB_RESULT_ID: (make_result(), encode_result),
    JOB_EVENT_ID: (chunk_done(3), encode_event),
}


@pytest.mark.parametrize("schema_id", FILES)
def test_what_a_later_release_writes_is_read_without_what_it_adds(schema_id):
    value, encode = VALUES[schema_id]
    now = encode(value, b"")
    fields = fastavro.schemaless_reader(io.BytesIO(now), load_fixed(schema_id), None)
    later = make_later(schema_id)
    written = write(later, 77, {**fields, "added": "x", "more": [1.0, 2.0]})
    found = read(schema_id, written, ShippedSchemas({77: later}))
    assert encode(found, b"") == now


@pytest.mark.parametrize("schema_id", FILES)
def test_a_later_release_reads_what_this_one_writes(schema_id):
    """By the rules of Avro alone: every field that it has more has a default."""
    value, encode = VALUES[schema_id]
    fields = fastavro.schemaless_reader(io.BytesIO(encode(value, b"")), load_fixed(schema_id), make_later(schema_id))
    assert fields["added"] is None
    assert fields["more"] == []
    assert fields["job_id"] == JOB


def test_an_earlier_writer_that_lacks_fields_with_defaults_is_read():
    """Among them bytes, whose default is text in a schema."""
    schema = json.loads((FIRST_RELEASE / "job_event.avsc").read_text())
    schema["fields"] = [
        f for f in schema["fields"] if f["name"] in ("job_id", "submission", "kind", "at", "chunks", "rows")
    ]
    earlier = fastavro.parse_schema(schema)
    fields = {"job_id": JOB, "submission": JOB, "kind": "submitted", "at": 1000, "chunks": 2, "rows": 20}
    found = read(JOB_EVENT_ID, write(earlier, 78, fields), ShippedSchemas({78: earlier}))
    assert (found.chunks, found.rows, found.model, found.digest) == (2, 20, "", b"")


def make_event_fields(**changes: Any) -> dict[str, Any]:
    fields = fastavro.schemaless_reader(
        io.BytesIO(encode_event(chunk_done(1), b"")), fastavro.parse_schema(_plain(load_fixed(JOB_EVENT_ID))), None
    )
    return {**fields, **changes}


def _plain(schema: Any) -> Any:
    """Times as integers."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if isinstance(schema, dict):
        return {k: _plain(v) for k, v in schema.items() if k != "logicalType" and not k.startswith("__")}
    return schema


def test_an_event_of_a_kind_that_nobody_knows_yet_is_passed_over():
    value = write(load_fixed(JOB_EVENT_ID), JOB_EVENT_ID, make_event_fields(kind="paused"))
    assert read(JOB_EVENT_ID, value) is None


@pytest.mark.parametrize("at_ms", [-1, 2**62, 253_402_300_800_000])
def test_an_event_at_a_time_that_no_date_has_is_unreadable(at_ms):
    """Whoever shows the job would have to make a date of it."""
    value = write(load_fixed(JOB_EVENT_ID), JOB_EVENT_ID, make_event_fields(at=at_ms))
    assert isinstance(read(JOB_EVENT_ID, value), Unreadable)


@pytest.mark.parametrize(
    "change", [{"job_id": "../x"}, {"job_id": ""}, {"submission": f"{JOB}\n"}, {"submission": "1"}]
)
def test_names_that_are_no_uuids_are_unreadable(change):
    """They would stand in keys, paths and logs."""
    event = write(load_fixed(JOB_EVENT_ID), JOB_EVENT_ID, make_event_fields(**change))
    fields = fastavro.schemaless_reader(io.BytesIO(encode_chunk(CHUNK, b"")), load_fixed(JOB_CHUNK_ID), None)
    chunk = write(load_fixed(JOB_CHUNK_ID), JOB_CHUNK_ID, {**fields, **change})
    assert isinstance(read(JOB_EVENT_ID, event), Unreadable)
    assert isinstance(read(JOB_CHUNK_ID, chunk), Unreadable)


def test_what_an_event_says_of_a_failure_is_kept_short():
    fields = make_event_fields(kind="chunk_failed", detail="x" * 100_000)
    found = read(JOB_EVENT_ID, write(load_fixed(JOB_EVENT_ID), JOB_EVENT_ID, fields))
    assert len(found.detail) == MOST_DETAIL_CHARACTERS


def test_a_failure_without_a_reason_is_a_failure():
    value = write(load_fixed(JOB_EVENT_ID), JOB_EVENT_ID, make_event_fields(kind="chunk_failed", detail=None))
    assert read(JOB_EVENT_ID, value) == ChunkFailed(JOB, JOB, 1500, 1, "")


@pytest.mark.parametrize("schema_id", FILES)
def test_a_value_that_was_damaged_anywhere_is_read_or_unreadable(schema_id):
    """Whatever a byte becomes, nothing is raised."""
    value, encode = VALUES[schema_id]
    good = encode(value, PREFIX[schema_id])
    decoder = JobDecoder(ShippedSchemas(), Framing.CONFLUENT)
    ask = {
        JOB_CHUNK_ID: decoder.decode_chunk,
        JOB_RESULT_ID: decoder.decode_result,
        JOB_EVENT_ID: decoder.decode_event,
    }[schema_id]
    for cut in range(len(good)):
        assert isinstance(ask(good[:cut]), Unreadable)
    assert isinstance(ask(good + b"\0"), Unreadable)
    for i in range(len(good)):
        for byte in (0x00, 0x01, 0x7F, 0x80, 0xFF):
            ask(good[:i] + bytes([byte]) + good[i + 1 :])


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"rows": 3}, "says that it has 3 rows, but has 2 lines"),
        ({"chunk": -1}, "no chunk can have the number -1"),
        ({"chunk": MOST_CHUNKS}, "no chunk can have the number"),
        ({"first_row": -5}, "the first row -5"),
        ({"events_partition": -1}, "no chunk can"),
    ],
)
def test_a_chunk_that_contradicts_itself_is_unreadable(change, detail):
    fields = fastavro.schemaless_reader(io.BytesIO(encode_chunk(CHUNK, b"")), load_fixed(JOB_CHUNK_ID), None)
    found = read(JOB_CHUNK_ID, write(load_fixed(JOB_CHUNK_ID), JOB_CHUNK_ID, {**fields, **change}))
    assert isinstance(found, Unreadable)
    assert detail in found.detail


@pytest.mark.parametrize(
    "change",
    [{"rows": 4}, {"scores": [1.0]}, {"classes": ["a"]}, {"errors": [{"row": 3, "detail": "", "feature": None}]}],
)
def test_a_result_that_contradicts_itself_is_unreadable(change):
    fields = fastavro.schemaless_reader(io.BytesIO(encode_result(make_result(), b"")), load_fixed(JOB_RESULT_ID), None)
    assert isinstance(
        read(JOB_RESULT_ID, write(load_fixed(JOB_RESULT_ID), JOB_RESULT_ID, {**fields, **change})), Unreadable
    )


def test_a_value_of_another_schema_is_unreadable():
    assert isinstance(read(JOB_CHUNK_ID, encode_event(cancelled(), PREFIX[JOB_EVENT_ID])), Unreadable)
    assert "no value" in read(JOB_CHUNK_ID, None).detail


def test_a_registry_that_is_away_is_no_fault_of_the_value():
    class Away(ShippedSchemas):
        def find_writer(self, schema_id):
            raise Unavailable("the registry is away")

    with pytest.raises(Unavailable):
        read(JOB_CHUNK_ID, encode_chunk(CHUNK, PREFIX[JOB_CHUNK_ID]), Away())


@pytest.mark.parametrize("schema_id", FILES)
def test_what_a_later_release_has_written_waits_until_its_schema_is_in_the_folder(tmp_path, schema_id):
    """Its `topics create` puts it there, under each of the topics; whoever runs already looks again."""
    now = [0.0]
    later_id, later = FIRST_FIXED_ID + 7, make_later(schema_id)
    value, encode = VALUES[schema_id]
    fields = fastavro.schemaless_reader(io.BytesIO(encode(value, b"")), load_fixed(schema_id), None)
    written = write(later, later_id, {**fields, "added": "x", "more": []})
    catalog = FolderCatalog(tmp_path, clock=lambda: now[0])
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"2000000007\.avsc in .*a later release"):
            read(schema_id, written, catalog)
    for subject in ("jobs-value", "jobs.bulk-value"):
        folder = tmp_path / subject
        folder.mkdir()
        (folder / f"{later_id}.avsc").write_text(to_text(later))
    now[0] += RESCAN_SECONDS
    assert encode(read(schema_id, written, catalog), b"") == encode(value, b"")
    assert FolderCatalog(tmp_path).find_writer(later_id), "and whoever starts is not stopped by it"


def test_what_names_its_schema_by_a_fingerprint_that_nobody_has_waits_too():
    decoder = JobDecoder(ShippedSchemas(), Framing.SINGLE_OBJECT)
    with pytest.raises(Unavailable, match="a later release"):
        decoder.decode_event(b"\xc3\x01" + b"unknown!" + b"datum")


@pytest.mark.parametrize("schema_id", [1, FIRST_FIXED_ID - 1, FIRST_FIXED_ID + FIXED_ID_SPAN, 2**32 - 1])
def test_what_names_a_schema_that_no_release_can_have_is_unreadable(schema_id):
    assert isinstance(read(JOB_EVENT_ID, struct.pack(">bI", 0, schema_id) + b"datum"), Unreadable)


def test_a_schema_is_looked_up_once():
    class Counting(ShippedSchemas):
        asked = 0

        def find_writer(self, schema_id):
            self.asked += 1
            if self.asked == 1:
                raise SchemaError("not yet")
            return super().find_writer(schema_id)

    catalog = Counting()
    decoder = JobDecoder(catalog, Framing.CONFLUENT)
    values = [
        decoder.decode_event(encode_event(event, PREFIX[JOB_EVENT_ID])) for event in [cancelled(), *EVENTS, *EVENTS]
    ]
    assert values == [Unreadable("its schema cannot be used: not yet"), *EVENTS, *EVENTS]
    assert catalog.asked == 2
