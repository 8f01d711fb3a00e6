"""The values of jobs by the fields of their Avro schemas, and back."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoreline.jobs.chunk import MOST_CHUNKS, Chunk, JobOrder
from scoreline.jobs.events import Cancelled, ChunkDone, ChunkFailed, JobEvent, Submitted
from scoreline.jobs.identity import is_job_id
from scoreline.jobs.result import ChunkResult, ResultPlace, RowError
from scoreline.schemas.event_times import LAST_MS

MOST_DETAIL_CHARACTERS = 1000
"""Of what an event says of a failure; every sidecar keeps it in memory."""

_LONG_END = 1 << 63


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value that nobody can make sense of.

    Attributes:
        detail: what was expected and what came.
    """

    detail: str


_NO_IDS = Unreadable("the names of its job and its upload have to be UUIDs")


def describe_chunk(chunk: Chunk) -> dict[str, Any]:
    """A chunk by the fields of `job_chunk.avsc`."""
    order = chunk.order
    return {
        "job_id": order.job_id,
        "submission": order.submission,
        "chunk": chunk.number,
        "first_row": chunk.first_row,
        "rows": chunk.rows,
        "model": order.model,
        "version": order.version,
        "ignore_unknown": order.ignore_unknown,
        "also_known": order.also_known,
        "events_partition": order.events_partition,
        "lines": chunk.lines,
    }


def describe_result(result: ChunkResult) -> dict[str, Any]:
    """A result by the fields of `job_result.avsc`."""
    errors = [{"row": error.row, "feature": error.feature, "detail": error.detail} for error in result.errors]
    return {
        "job_id": result.job_id,
        "submission": result.submission,
        "chunk": result.number,
        "first_row": result.first_row,
        "rows": result.rows,
        "model": result.model,
        "version": result.version,
        "predictions": result.predictions.tolist(),
        "classes": result.classes,
        "scores": [] if result.scores is None else result.scores.ravel().tolist(),
        "errors": errors,
        "scored_at": result.scored_at_ms,
    }


def describe_event(event: JobEvent) -> dict[str, Any]:
    """An event by the fields of `job_event.avsc`; those that its kind does not use have their defaults."""
    # The default of bytes is text in a schema, which fastavro does not take.
    shared = {"job_id": event.job_id, "submission": event.submission, "at": event.at_ms, "digest": b""}
    return shared | _describe_kind(event)


def _describe_kind(event: JobEvent) -> dict[str, Any]:
    if isinstance(event, Submitted):
        return {
            "kind": "submitted",
            "chunks": event.chunks,
            "rows": event.rows,
            "model": event.model,
            "version": event.version,
            "digest": event.digest,
        }
    if isinstance(event, Cancelled):
        return {"kind": "cancelled"}
    if isinstance(event, ChunkFailed):
        return {"kind": "chunk_failed", "chunk": event.number, "detail": event.detail}
    place = event.place
    return {
        "kind": "chunk_done",
        "chunk": place.number,
        "first_row": place.first_row,
        "rows": place.rows,
        "rows_failed": place.rows_failed,
        "result_partition": place.partition,
        "result_offset": place.offset,
    }


def make_chunk(fields: Mapping[str, Any]) -> Chunk | Unreadable:
    """A chunk, unless no chunk can be like that."""
    number, first_row, rows, lines = fields["chunk"], fields["first_row"], fields["rows"], fields["lines"]
    found = lines.count(b"\n") + 1
    if found != rows:
        return Unreadable(f"the chunk says that it has {rows} rows, but has {found} lines")
    if not _has_ids(fields):
        return _NO_IDS
    if not (0 <= number < MOST_CHUNKS and 0 <= first_row < _LONG_END and fields["events_partition"] >= 0):
        return Unreadable(f"no chunk can have the number {number} and the first row {first_row}")
    order = JobOrder(
        job_id=fields["job_id"],
        submission=fields["submission"],
        model=fields["model"],
        version=fields["version"],
        ignore_unknown=fields["ignore_unknown"],
        also_known=tuple(fields["also_known"]),
        events_partition=fields["events_partition"],
    )
    return Chunk(order, number, first_row, rows, lines)


def make_result(fields: Mapping[str, Any]) -> ChunkResult | Unreadable:
    """A result, unless its parts do not fit each other."""
    rows, classes = fields["rows"], tuple(fields["classes"])
    predictions = np.array(fields["predictions"], dtype=np.float64)
    scores = np.array(fields["scores"], dtype=np.float64)
    if len(predictions) != rows or len(scores) != rows * len(classes):
        return Unreadable(
            f"the result says that it has {rows} rows and {len(classes)} classes, but has {len(predictions)} "
            f"predictions and {len(scores)} scores"
        )
    errors = tuple(RowError(error["row"], error["detail"], error["feature"]) for error in fields["errors"])
    if any(not 0 <= error.row < rows for error in errors):
        return Unreadable(f"the result has {rows} rows, but errors of others")
    return ChunkResult(
        job_id=fields["job_id"],
        submission=fields["submission"],
        number=fields["chunk"],
        first_row=fields["first_row"],
        model=fields["model"],
        version=fields["version"],
        predictions=predictions,
        errors=errors,
        scored_at_ms=fields["scored_at"],
        classes=classes,
        scores=scores.reshape(rows, len(classes)) if classes else None,
    )


def make_event(fields: Mapping[str, Any]) -> JobEvent | Unreadable | None:
    """An event; None for one of a kind that this release does not know."""
    job_id, at_ms, kind = fields["job_id"], fields["at"], fields["kind"]
    if not _has_ids(fields):
        return _NO_IDS
    if not 0 <= at_ms <= LAST_MS:
        return Unreadable(f"the event is said to have happened {at_ms} ms after 1970, which is no time that a date has")
    # A view holds many of them: what is equal is one object there.
    submission = job_id if fields["submission"] == job_id else fields["submission"]
    if kind == "submitted":
        return Submitted(
            job_id,
            submission,
            at_ms,
            chunks=fields["chunks"],
            rows=fields["rows"],
            model=sys.intern(fields["model"]),
            version=fields["version"],
            digest=fields["digest"] or b"",
        )
    if kind == "cancelled":
        return Cancelled(job_id, submission, at_ms)
    if kind == "chunk_failed":
        return ChunkFailed(
            job_id, submission, at_ms, fields["chunk"], (fields["detail"] or "")[:MOST_DETAIL_CHARACTERS]
        )
    if kind != "chunk_done":
        return None
    place = ResultPlace(
        number=fields["chunk"],
        first_row=fields["first_row"],
        rows=fields["rows"],
        rows_failed=fields["rows_failed"],
        partition=fields["result_partition"],
        offset=fields["result_offset"],
    )
    return ChunkDone(job_id, submission, at_ms, place)


def _has_ids(fields: Mapping[str, Any]) -> bool:
    """Whether job and upload have names that may stand in keys, paths and logs."""
    return is_job_id(fields["job_id"]) and is_job_id(fields["submission"])
