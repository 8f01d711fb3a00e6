"""Predictions to Avro: a whole batch at once, glued from what all its records share and the little that differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import pack
from typing import cast

import numpy as np
import numpy.typing as npt

from scoreline.records import Record
from scoreline.schemas.event_times import FIRST_MS, LAST_MS, Times, read_kafka_times
from scoreline.schemas.primitives import encode_long, encode_longs, encode_string, split_rows

Scores = npt.NDArray[np.float64]

MAX_KEY_BYTES = 256

_NULL = b"\x00"
_NOT_NULL = b"\x02"
_END_OF_ARRAY = b"\x00"
_NO_CLASSES = _NULL + _END_OF_ARRAY
_DOUBLE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Source:
    """The records that are answered, and what their payloads say of themselves.

    Attributes:
        ids: UTF-8 of the id field of each record, None where it is null; None without an id field.
        event_times_ms: milliseconds since the epoch of each record, from the year 1 to 9999, None where null; None
            without such a field.
        kafka_times_ms: Kafka's own, as `read_kafka_times` gives them; None where nobody has asked the records yet.
    """

    records: Sequence[Record]
    ids: Sequence[bytes | None] | None = None
    event_times_ms: Sequence[int | None] | None = None
    kafka_times_ms: Times | None = None

    def take(self, rows: Sequence[int]) -> "Source":
        """Some of them, in the order that is given."""
        return Source(
            [self.records[i] for i in rows],
            None if self.ids is None else [self.ids[i] for i in rows],
            None if self.event_times_ms is None else [self.event_times_ms[i] for i in rows],
            None if self.kafka_times_ms is None else self.kafka_times_ms[rows],
        )


class PredictionEncoder:
    """Writes predictions by `prediction.avsc`, the same bytes as fastavro does, each behind the prefix of its frame."""

    def __init__(self, prefix: bytes) -> None:
        self._prefix = prefix
        self._heads = [prefix + encode_long(length) for length in range(MAX_KEY_BYTES + 1)]

    def encode(
        self,
        source: Source,
        scores: Scores,
        *,
        model: str,
        version: int,
        classes: tuple[str, ...] | None,
        scored_at_ms: int,
    ) -> list[bytes]:
        """Encode one framed prediction for each record.

        Args:
            source: n records.
            scores: shape (n,), or (n, len(classes)) for a multi-class model; all finite.
            model: its name.
            version: that made the scores.
            classes: names in the order of the scores; None for any other model.
            scored_at_ms: milliseconds since the epoch.
        """
        records = source.records
        ids = choose_ids(source)
        heads = [self._heads[n] if n <= MAX_KEY_BYTES else self._prefix + encode_long(n) for n in map(len, ids)]
        answers = _encode_scores(scores) if classes is None else _encode_classes(scores, classes)
        origins = _encode_origins(records, model, version)
        offsets = encode_longs([record.offset() for record in records])
        times = _encode_event_times(source)
        ends = [encode_long(scored_at_ms)] * len(records)
        return list(map(b"".join, zip(heads, ids, answers, origins, offsets, times, ends, strict=True)))


def choose_ids(source: Source) -> Sequence[bytes]:
    """The id of each prediction, UTF-8: the id field, else the key where it can be one, else where the record lies."""
    if source.ids is not None:
        return [
            _derive_id(record) if own is None else own for own, record in zip(source.ids, source.records, strict=True)
        ]
    keys = [record.key() for record in source.records]
    return [
        key if key is not None and key.isascii() and len(key) <= MAX_KEY_BYTES else _derive_id(record)
        for key, record in zip(keys, source.records, strict=True)
    ]


def _derive_id(record: Record) -> bytes:
    key = record.key()
    if key is not None and len(key) <= MAX_KEY_BYTES and _is_utf8(key):
        return key
    return f"{record.topic()}-{record.partition()}-{record.offset()}".encode()


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _encode_scores(scores: Scores) -> list[bytes]:
    """`prediction`, a null label and no scores."""
    rows = np.zeros((len(scores), _DOUBLE_BYTES + len(_NO_CLASSES)), dtype=np.uint8)
    rows[:, :_DOUBLE_BYTES] = scores.astype("<f8", copy=False)[:, np.newaxis].view(np.uint8)
    return split_rows(rows)


def _encode_classes(scores: Scores, classes: tuple[str, ...]) -> list[bytes]:
    """`prediction`, `label` and `scores` of a multi-class model; the lowest index wins a tie."""
    rows = split_rows(np.ascontiguousarray(scores, dtype="<f8").view(np.uint8))
    count = encode_long(len(classes))
    chosen = [pack("<d", i) + _NOT_NULL + encode_string(label) + count for i, label in enumerate(classes)]
    return [chosen[best] + row + _END_OF_ARRAY for best, row in zip(scores.argmax(axis=1).tolist(), rows, strict=True)]


def _encode_origins(records: Sequence[Record], model: str, version: int) -> list[bytes]:
    places = [(record.topic(), record.partition()) for record in records]
    pieces = {place: _encode_origin(model, version, *place) for place in set(places)}
    return [pieces[place] for place in places]


@lru_cache(maxsize=4096)
def _encode_origin(model: str, version: int, topic: str, partition: int) -> bytes:
    """`model`, `version`, `source_topic` and `source_partition`, which whole batches share."""
    return encode_string(model) + encode_long(version) + encode_string(topic) + encode_long(partition)


def _encode_event_times(source: Source) -> list[bytes]:
    """`event_time`: the payload's own, else Kafka's where a consumer can read it, else null."""
    own = source.event_times_ms
    if own is not None and None not in own:
        return [_NOT_NULL + piece for piece in encode_longs(cast("Sequence[int]", own))]
    kafkas = read_kafka_times(source.records) if source.kafka_times_ms is None else source.kafka_times_ms
    readable = (kafkas >= FIRST_MS) & (kafkas <= LAST_MS)
    if own is None and readable.all():
        return [_NOT_NULL + piece for piece in encode_longs(kafkas)]
    times: list[int | None] = [
        at if can_read else None for at, can_read in zip(kafkas.tolist(), readable.tolist(), strict=True)
    ]
    if own is not None:
        times = [kafka if at is None else at for at, kafka in zip(own, times, strict=True)]
    pieces = encode_longs([0 if at is None else at for at in times])
    return [_NULL if at is None else _NOT_NULL + piece for at, piece in zip(times, pieces, strict=True)]
