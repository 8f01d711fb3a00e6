"""Labels as framed Avro: any writer's schema with the fields `id`, `label` and, where it has one, `time`."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NamedTuple

from fastavro import schemaless_reader

from scoreline.errors import SchemaError, SchemaIncompatible
from scoreline.features import FeatureSet
from scoreline.records import Reason
from scoreline.schemas.catalog import ParsedSchema, SchemaCatalog
from scoreline.schemas.checks import collect_checks, make_pick
from scoreline.schemas.event_times import make_time_reader
from scoreline.schemas.faults import explain_fault, find_fault
from scoreline.schemas.framing import Framing, split_frames
from scoreline.schemas.places import find_place
from scoreline.schemas.plan import Plan, make_plan
from scoreline.schemas.rows import UNREADABLE, make_id_reader
from scoreline.schemas.stored import strip_logical_types

LABEL_TYPES = frozenset({"boolean", "int", "long", "float", "double", "string", "enum"})
MAX_READERS = 64
MAX_TEXT = 256
"""Characters of a label: longer ones name no class, and would fill the memory while they wait."""

Value = float | str | None


class Label(NamedTuple):
    """What turned out to be true of one prediction.

    Attributes:
        id: of the prediction, UTF-8.
        value: booleans and numbers as float; None where nothing is known yet.
        known_at_ms: milliseconds since the epoch; None where nobody said.
    """

    id: bytes
    value: Value
    known_at_ms: int | None


@dataclass(frozen=True, slots=True)
class UnreadableLabel:
    """Why a record is no label."""

    reason: Reason
    detail: str


_EMPTY = Label(b"", None, None)


class LabelDecoder:
    """Reads one payload at a time, each by the schema that it names. For one thread at a time."""

    def __init__(self, catalog: SchemaCatalog, framing: Framing) -> None:
        self._catalog = catalog
        self._framing = framing
        self._readers: dict[bytes, _LabelReader] = {}

    def decode(self, payload: bytes | None) -> Label | UnreadableLabel:
        """The label of one record; a tombstone is a label that is null, of nothing.

        Raises:
            Unavailable: the schema registry is away.
        """
        if payload is None:
            return _EMPTY
        start = self._framing.header_bytes
        reader = self._readers.get(payload[:start])
        if reader is None:
            found = self._find_reader(payload)
            if isinstance(found, UnreadableLabel):
                return found
            reader = found
        return reader.read(payload, start)

    def _find_reader(self, payload: bytes) -> "_LabelReader | UnreadableLabel":
        """What reads a frame; only what was found is remembered, because a schema may still come."""
        frames = split_frames([payload], self._framing)
        if frames.rejected:
            return UnreadableLabel(frames.rejected[0].reason, frames.rejected[0].detail)
        (key,) = frames.groups
        try:
            known = self._catalog.find_writer(key) if isinstance(key, int) else self._catalog.find_fingerprint(key)
        except SchemaError as error:
            return UnreadableLabel(Reason.UNKNOWN_SCHEMA, str(error))
        try:
            reader = _LabelReader(known)
        except SchemaError as error:
            return UnreadableLabel(Reason.INCOMPATIBLE_SCHEMA, str(error))
        except (RecursionError, OverflowError, MemoryError) as error:
            detail = f"the writer's schema is beyond what can be read ({type(error).__name__}: {error})"
            return UnreadableLabel(Reason.INCOMPATIBLE_SCHEMA, detail)
        if len(self._readers) >= MAX_READERS:
            del self._readers[next(iter(self._readers))]
        self._readers[payload[: self._framing.header_bytes]] = reader
        return reader


class _LabelReader:
    """Reads labels of one writer's schema.

    Raises:
        SchemaIncompatible: the schema lacks a field, or has it with a type that cannot give what is needed.
    """

    def __init__(self, schema: ParsedSchema) -> None:
        shape = make_plan(schema, FeatureSet(()), id_field="id").shape
        has_time = shape.root.find("time") is not None
        self._plan = make_plan(schema, FeatureSet(()), id_field="id", event_time_field="time" if has_time else None)
        self._schema = strip_logical_types(schema, shape)
        checks = collect_checks(shape.root)
        self._checks = checks or []
        self._is_careful = self._plan.is_hostile or checks is None
        self._read_id, self._read_time = _make_readers(self._plan)
        self._pick_label = make_pick(_find_label(self._plan))

    def read(self, payload: bytes, start: int) -> Label | UnreadableLabel:
        if self._is_careful:
            fault = find_fault(self._plan.shape, payload, start)
            if fault is not None:
                return UnreadableLabel(Reason.UNDECODABLE, fault)
        stream = BytesIO(payload)
        stream.seek(start)
        try:
            record: Any = schemaless_reader(stream, self._schema, None)
        except UNREADABLE as error:
            return self._explain(payload, start, type(error).__name__)
        if stream.tell() != len(payload) or not all(check(record) for check in self._checks):
            return self._explain(payload, start, "bytes left over")
        try:
            record_id = self._read_id(record)
        except UnicodeDecodeError:
            return UnreadableLabel(Reason.INVALID_VALUE, "the id is not UTF-8")
        if record_id is None:
            return UnreadableLabel(Reason.INVALID_VALUE, "the id is null, so nobody knows which prediction it is of")
        value = self._pick_label(record)
        if isinstance(value, str) and len(value) > MAX_TEXT:
            return UnreadableLabel(
                Reason.INVALID_VALUE, f"the label has {len(value)} characters; at most {MAX_TEXT} are read"
            )
        known = value if value is None or isinstance(value, str) else float(value)
        return Label(record_id, known, self._read_time(record))

    def _explain(self, payload: bytes, start: int, otherwise: str) -> UnreadableLabel:
        """A second, careful look finds the words for what is wrong."""
        found = explain_fault(self._plan.shape, payload, start)
        return UnreadableLabel(Reason.UNDECODABLE, found or f"it cannot be read ({otherwise})")


def _make_readers(plan: Plan) -> tuple[Callable[[Any], bytes | None], Callable[[Any], int | None]]:
    """What takes id and time from a record as fastavro gives it."""
    if plan.id is None:
        raise SchemaIncompatible("the id of a label needs the field 'id', which the writer's schema has no value for")
    return make_id_reader(plan.id), (lambda _: None) if plan.event_time is None else make_time_reader(plan.event_time)


def _find_label(plan: Plan) -> tuple[str, ...]:
    """Where the label is."""
    place = find_place(plan.shape.root, "label", "the label", optional=False)
    wrong = [leaf for leaf in (() if place is None else place.leaves) if leaf.type not in LABEL_TYPES]
    if place is None or wrong:
        told = f"; it is {wrong[0]}" if wrong else ""
        raise SchemaIncompatible(f"the label needs a number, a boolean or a string in the field 'label'{told}")
    return place.path
