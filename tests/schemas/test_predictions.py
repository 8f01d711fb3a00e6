import io
import struct

import numpy as np
import pytest
from fastavro import schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.schemas.event_times import FIRST_MS, LAST_MS
from scoreline.schemas.fixed import PREDICTION_ID, load_fixed
from scoreline.schemas.predictions import PredictionEncoder, Source
from scoreline.transport.record import StoredRecord

PREFIX = b"\x00" + PREDICTION_ID.to_bytes(4, "big")


class Untimed(StoredRecord):
    """A record without a Kafka timestamp."""

    def timestamp(self) -> tuple[int, int]:
        return 0, -1


def encode(source, scores, classes=None, version=3, model="flights", scored_at_ms=1_700_000_000_000):
    return PredictionEncoder(PREFIX).encode(
        source,
        np.asarray(scores, dtype=np.float64),
        model=model,
        version=version,
        classes=classes,
        scored_at_ms=scored_at_ms,
    )


def read(value: bytes) -> dict:
    """Decode by fastavro, as plain integers where it would make datetimes."""
    datum = io.BytesIO(value.removeprefix(PREFIX))
    found = schemaless_reader(datum, without_logical_types())
    assert not datum.read()
    return found


def without_logical_types():
    def strip(node):
        if isinstance(node, dict):
            return {k: strip(v) for k, v in node.items() if k != "logicalType" and not k.startswith("__")}
        return [strip(part) for part in node] if isinstance(node, list) else node

    return strip(load_fixed(PREDICTION_ID))


def write_by_fastavro(prediction: dict) -> bytes:
    written = io.BytesIO(PREFIX)
    written.seek(0, io.SEEK_END)
    schemaless_writer(written, load_fixed(PREDICTION_ID), prediction)
    return written.getvalue()


longs = st.integers(-(2**63), 2**63 - 1)
times_ms = st.integers(FIRST_MS, LAST_MS)
numbers = st.floats(allow_nan=False, allow_infinity=False)
records = st.builds(
    lambda cls, **fields: cls(**fields),
    st.sampled_from([StoredRecord, Untimed]),
    topic_=st.sampled_from(["features", "flüge", "a" * 249]),
    partition_=st.integers(0, 2**31 - 1),
    offset_=st.integers(0, 2**63 - 1),
    key_=st.none() | st.binary(max_size=4) | st.text(max_size=4).map(str.encode) | st.just(b"k" * 256),
    timestamp_ms=times_ms | longs,
)


def expected_id(own: bytes | None, record: StoredRecord) -> str:
    if own is not None:
        return own.decode()
    try:
        return record.key_.decode()
    except (AttributeError, UnicodeDecodeError):
        return f"{record.topic_}-{record.partition_}-{record.offset_}"


@pytest.mark.slow
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_prediction_has_the_bytes_that_fastavro_writes(data):
    batch = data.draw(st.lists(records, max_size=5)) * data.draw(st.sampled_from([1, 9]))
    size = len(batch)
    columns = {"min_size": size, "max_size": size}
    ids = data.draw(st.none() | st.lists(st.none() | st.text(max_size=300).map(str.encode), **columns))
    times = data.draw(st.none() | st.lists(st.none() | times_ms, **columns))
    classes = data.draw(st.none() | st.lists(st.text(max_size=5), min_size=2, max_size=70).map(tuple))
    version = data.draw(st.integers(1, 2**31 - 1))
    at = data.draw(longs)
    shape = (size,) if classes is None else (size, len(classes))
    bits = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=shape).round(1)

    values = encode(Source(batch, ids, times), bits, classes, version, "Modell ü", at)

    assert len(values) == size
    for i, (record, value) in enumerate(zip(batch, values, strict=True)):
        scores = bits[i].tolist()
        best = None if classes is None else max(range(len(classes)), key=lambda c, s=scores: (s[c], -c))
        is_timed = not isinstance(record, Untimed) and FIRST_MS <= record.timestamp_ms <= LAST_MS
        kafka_time = record.timestamp_ms if is_timed else None
        own_time = times[i] if times is not None else None
        assert value == write_by_fastavro(
            {
                "id": expected_id(None if ids is None else ids[i], record),
                "prediction": scores if best is None else float(best),
                "label": None if best is None else classes[best],
                "scores": [] if best is None else scores,
                "model": "Modell ü",
                "version": version,
                "source_topic": record.topic_,
                "source_partition": record.partition_,
                "source_offset": record.offset_,
                "event_time": kafka_time if own_time is None else own_time,
                "scored_at": at,
            }
        )


@given(st.lists(numbers, min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_scores_keep_their_bits(scores):
    values = encode(Source([StoredRecord()] * len(scores)), scores)

    for score, value in zip(scores, values, strict=True):
        assert struct.pack("<d", read(value)["prediction"]) == struct.pack("<d", score)


def test_the_schema_has_the_fields_of_the_contract_in_their_order():
    schema = load_fixed(PREDICTION_ID)

    assert schema["name"] == "scoreline.Prediction"
    assert [f["name"] for f in schema["fields"]] == [
        "id",
        "prediction",
        "label",
        "scores",
        "model",
        "version",
        "source_topic",
        "source_partition",
        "source_offset",
        "event_time",
        "scored_at",
    ]
    assert all(f["doc"] for f in schema["fields"])


def test_the_lowest_index_of_the_largest_score_wins():
    (value,) = encode(Source([StoredRecord()]), [[0.25, 0.375, 0.375]], ("low", "mid", "high"))

    found = read(value)
    assert (found["prediction"], found["label"], found["scores"]) == (1.0, "mid", [0.25, 0.375, 0.375])


def test_scores_of_a_transposed_matrix_stay_with_their_rows():
    """LightGBM's own layout may be column by column; the bytes are taken row by row."""
    by_class = np.array([[0.1, 0.7], [0.9, 0.3]])

    values = encode(Source([StoredRecord()] * 2), by_class.T, ("a", "b"))

    assert [read(v)["scores"] for v in values] == [[0.1, 0.9], [0.7, 0.3]]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"N123", "N123"),
        ("ü".encode(), "ü"),
        (b"k" * 256, "k" * 256),
        (b"k" * 257, "features-4-17"),
        (b"\xff\xfe", "features-4-17"),
        (None, "features-4-17"),
    ],
)
def test_a_key_is_the_id_where_it_is_short_utf8(key, expected):
    record = StoredRecord(partition_=4, offset_=17, key_=key)

    (value,) = encode(Source([record]), [0.5])

    assert read(value)["id"] == expected


def test_the_id_field_wins_and_may_be_longer_than_a_key():
    long_id = b"x" * 5000

    values = encode(Source([StoredRecord(key_=b"key")] * 2, ids=[long_id, None]), [0.5, 0.5])

    assert [read(v)["id"] for v in values] == [long_id.decode(), "key"]


def test_event_time_falls_back_to_kafka_s_time_and_then_to_null():
    source = Source([StoredRecord(timestamp_ms=5), StoredRecord(timestamp_ms=6), Untimed()], None, [1, None, None])

    assert [read(v)["event_time"] for v in encode(source, [0.0] * 3)] == [1, 6, None]


@pytest.mark.parametrize("at", [FIRST_MS - 1, LAST_MS + 1, 1_732_406_400_000_000, -(2**63), 2**63 - 1])
def test_a_time_of_kafka_s_that_no_consumer_could_read_is_null(at):
    """A producer may set any timestamp; fastavro raises for those that Python's calendar does not have."""
    source = Source([StoredRecord(timestamp_ms=time) for time in (at, FIRST_MS, LAST_MS)])

    values = encode(source, [0.0] * 3)

    assert [read(value)["event_time"] for value in values] == [None, FIRST_MS, LAST_MS]
    for value in values:
        schemaless_reader(io.BytesIO(value.removeprefix(PREFIX)), load_fixed(PREDICTION_ID))


def test_an_empty_batch_gives_nothing():
    assert encode(Source([]), []) == []
    assert encode(Source([]), np.empty((0, 2)), ("a", "b")) == []


@pytest.mark.parametrize("count", [1, 40])
def test_a_score_too_few_is_refused(count):
    with pytest.raises(ValueError, match="argument 3 is shorter"):
        encode(Source([StoredRecord()] * (count + 1)), [0.5] * count)
