"""Values of jobs as tests need them, and results made by hand."""

from collections.abc import Mapping, Sequence

import numpy as np

from scoreline.errors import SchemaNotFound
from scoreline.jobs.chunk import Chunk, JobOrder
from scoreline.jobs.events import Cancelled, ChunkDone, ChunkFailed, Submitted
from scoreline.jobs.result import ChunkResult, ResultPlace
from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.fixed import FIXED_IDS, find_fixed_id, load_fixed
from scoreline.schemas.framing import fingerprint_of

JOB = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"


def make_order(
    job_id: str = JOB,
    submission: str | None = None,
    *,
    model: str = "model",
    version: int = 1,
    ignore_unknown: bool = False,
    also_known: tuple[str, ...] = (),
    events_partition: int = 0,
) -> JobOrder:
    return JobOrder(job_id, submission or job_id, model, version, ignore_unknown, also_known, events_partition)


def make_chunk(lines: Sequence[bytes], *, order: JobOrder | None = None, number: int = 0, first_row: int = 0) -> Chunk:
    return Chunk(order or make_order(), number, first_row, len(lines), b"\n".join(lines))


def make_result(rows: int = 3, *, number: int = 0, job_id: str = JOB) -> ChunkResult:
    return ChunkResult(job_id, job_id, number, number * rows, "model", 1, np.arange(rows, dtype=np.float64), (), 5)


def submitted(
    job_id: str = JOB, submission: str | None = None, *, at_ms: int = 1000, chunks: int = 2, rows: int = 20
) -> Submitted:
    return Submitted(job_id, submission or job_id, at_ms, chunks, rows, "model", 1, b"d" * 32)


def cancelled(job_id: str = JOB, submission: str | None = None, *, at_ms: int = 2000) -> Cancelled:
    return Cancelled(job_id, submission or job_id, at_ms)


def chunk_done(
    number: int,
    job_id: str = JOB,
    submission: str | None = None,
    *,
    at_ms: int = 1500,
    rows: int = 10,
    first_row: int | None = None,
    rows_failed: int = 1,
    partition: int = 3,
    offset: int | None = None,
) -> ChunkDone:
    first_row = number * rows if first_row is None else first_row
    place = ResultPlace(number, first_row, rows, rows_failed, partition, number if offset is None else offset)
    return ChunkDone(job_id, submission or job_id, at_ms, place)


def chunk_failed(number: int, job_id: str = JOB, submission: str | None = None, *, at_ms: int = 1600) -> ChunkFailed:
    return ChunkFailed(job_id, submission or job_id, at_ms, number, "it cannot be read")


class ShippedSchemas:
    """A `SchemaCatalog` of the schemas that ship with the package, and of others by their ids."""

    def __init__(self, others: Mapping[int, ParsedSchema] | None = None) -> None:
        self._others = others or {}

    def find_writer(self, schema_id: int) -> ParsedSchema:
        if schema_id in FIXED_IDS:
            return load_fixed(schema_id)
        if schema_id not in self._others:
            raise SchemaNotFound(f"there is no schema {schema_id}")
        return self._others[schema_id]

    def find_fingerprint(self, fingerprint: bytes) -> ParsedSchema:
        for schema in map(load_fixed, FIXED_IDS):
            if fingerprint_of(schema) == fingerprint:
                return schema
        raise SchemaNotFound(f"there is no schema {fingerprint.hex()}")

    def id_of_output(self, subject: str, schema: ParsedSchema) -> int:
        found = find_fixed_id(schema)
        assert found is not None
        return found

    def latest(self, subject: str) -> ParsedSchema:
        raise SchemaNotFound(f"there is no subject {subject}")
