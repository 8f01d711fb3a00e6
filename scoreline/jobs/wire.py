"""Chunks, results and events as framed Avro, between releases that need not have the same schemas."""

from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO
from typing import Any, TypeVar

from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.read import SchemaResolutionError

from scoreline.errors import SchemaError, SchemaNotFound, Unavailable
from scoreline.jobs.chunk import Chunk
from scoreline.jobs.events import JobEvent
from scoreline.jobs.fields import (
    Unreadable,
    describe_chunk,
    describe_event,
    describe_result,
    make_chunk,
    make_event,
    make_result,
)
from scoreline.jobs.result import ChunkResult
from scoreline.schemas.catalog import ParsedSchema, SchemaCatalog
from scoreline.schemas.fixed import JOB_CHUNK_ID, JOB_EVENT_ID, JOB_RESULT_ID, is_fixed_id, load_fixed
from scoreline.schemas.framing import Framing, SchemaKey, prefix_for, split_frames
from scoreline.schemas.parsing import mean_the_same, to_plain

# Whatever fastavro's C code runs into while it reads nonsense; the value is to blame for each of them.
_UNREADABLE = (
    SchemaResolutionError,
    EOFError,
    ValueError,
    LookupError,
    ArithmeticError,
    TypeError,
    StopIteration,
    MemoryError,
    RecursionError,
)

T = TypeVar("T")


def find_prefix(catalog: SchemaCatalog, framing: Framing, topic: str, schema_id: int) -> bytes:
    """What the values of a topic are put behind.

    Args:
        schema_id: fixed id of a schema of jobs (`scoreline.schemas.fixed`).

    Raises:
        SchemaError: the registry refuses the schema, or does not have it.
        Unavailable: the registry is away.
    """
    schema = load_fixed(schema_id)
    return prefix_for(framing, catalog.id_of_output(f"{topic}-value", schema), schema)


def encode_chunk(chunk: Chunk, prefix: bytes) -> bytes:
    """A chunk as the value of its record."""
    return _encode(JOB_CHUNK_ID, prefix, describe_chunk(chunk))


def encode_result(result: ChunkResult, prefix: bytes) -> bytes:
    """A result as the value of its record."""
    return _encode(JOB_RESULT_ID, prefix, describe_result(result))


def encode_event(event: JobEvent, prefix: bytes) -> bytes:
    """An event as the value of its record."""
    return _encode(JOB_EVENT_ID, prefix, describe_event(event))


class JobDecoder:
    """Reads what any release has written, each value by the schema that it names. For one thread at a time.

    What a later release has written waits until its schema can be had: nothing of a job is lost in a roll-out.
    """

    def __init__(self, catalog: SchemaCatalog, framing: Framing) -> None:
        self._catalog = catalog
        self._framing = framing
        self._schemas: dict[tuple[int, bytes], tuple[ParsedSchema, ParsedSchema | None]] = {}

    def decode_chunk(self, value: bytes | None) -> Chunk | Unreadable:
        """A chunk.

        Raises:
            Unavailable: the registry is away, or nobody has told yet what the schema of a later release is.
        """
        return self._decode(JOB_CHUNK_ID, value, make_chunk)

    def decode_result(self, value: bytes | None) -> ChunkResult | Unreadable:
        """A result.

        Raises:
            Unavailable: the registry is away, or nobody has told yet what the schema of a later release is.
        """
        return self._decode(JOB_RESULT_ID, value, make_result)

    def decode_event(self, value: bytes | None) -> JobEvent | Unreadable | None:
        """An event; None for one of a kind that this release does not know.

        Raises:
            Unavailable: the registry is away, or nobody has told yet what the schema of a later release is.
        """
        return self._decode(JOB_EVENT_ID, value, make_event)

    def _decode(
        self, schema_id: int, value: bytes | None, make: Callable[[Mapping[str, Any]], T | Unreadable]
    ) -> T | Unreadable:
        start = self._framing.header_bytes
        head = b"" if value is None else value[:start]
        schemas = self._schemas.get((schema_id, head)) or self._find_schemas(schema_id, value, head)
        if isinstance(schemas, Unreadable) or value is None:
            return schemas if isinstance(schemas, Unreadable) else Unreadable("the record has no value")
        stream = BytesIO(value)
        stream.seek(start)
        try:
            fields: Any = schemaless_reader(stream, *schemas)
            left = len(value) - stream.tell()
            return make(fields) if not left else Unreadable(f"{left} bytes are left over behind the value")
        except _UNREADABLE as error:
            return Unreadable(f"it does not fit the schema that it names ({type(error).__name__})")

    def _find_schemas(
        self, schema_id: int, value: bytes | None, head: bytes
    ) -> tuple[ParsedSchema, ParsedSchema | None] | Unreadable:
        """The writer's schema, and ours to read it as; only what was found is remembered."""
        frames = split_frames([value], self._framing)
        if frames.rejected:
            return Unreadable(frames.rejected[0].detail)
        (key,) = frames.groups
        try:
            known = self._catalog.find_writer(key) if isinstance(key, int) else self._catalog.find_fingerprint(key)
        except SchemaNotFound as error:
            if _may_come(key):
                raise Unavailable(f"{error}: it seems to be of a later release, and waits for it") from error
            return Unreadable(str(error))
        except SchemaError as error:
            return Unreadable(f"its schema cannot be used: {error}")
        ours = load_fixed(schema_id)
        schemas = _without_times(known), None if mean_the_same(known, ours) else _own_schema(schema_id)
        self._schemas[schema_id, head] = schemas
        return schemas


def _may_come(key: SchemaKey) -> bool:
    """Whether a schema that nobody has may be one that ships with a later release; any fingerprint may."""
    return isinstance(key, bytes) or is_fixed_id(key)


def _encode(schema_id: int, prefix: bytes, fields: Mapping[str, Any]) -> bytes:
    stream = BytesIO()
    stream.write(prefix)
    schemaless_writer(stream, load_fixed(schema_id), fields)
    return stream.getvalue()


@cache
def _own_schema(schema_id: int) -> ParsedSchema:
    return _without_times(load_fixed(schema_id))


def _without_times(schema: ParsedSchema) -> ParsedSchema:
    """The schema without logical types: fastavro would make date objects, and cannot make all of them."""
    return parse_schema(_strip(to_plain(schema)))


def _strip(node: Any) -> Any:
    if isinstance(node, list):
        return [_strip(part) for part in node]
    if isinstance(node, dict):
        return {key: _strip(value) for key, value in node.items() if key != "logicalType"}
    return node
