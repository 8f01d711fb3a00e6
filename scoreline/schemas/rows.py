"""Decodes one payload at a time with fastavro: small batches, shapes that columns do not take, and doubtful payloads.

Its verdict is the one that counts: the column decoder hands every payload over that it is not sure of.
"""

from collections.abc import Callable, Sequence
from io import BytesIO
from operator import itemgetter
from typing import Any

import numpy as np
from fastavro import schemaless_reader

from scoreline.features import UNSEEN, Matrix
from scoreline.records import Reason
from scoreline.schemas.catalog import ParsedSchema
from scoreline.schemas.checks import collect_checks, make_pick
from scoreline.schemas.decoded import Decoded, Rejected
from scoreline.schemas.event_times import FIRST_MS, LAST_MS, describe_unreadable, make_time_reader
from scoreline.schemas.faults import explain_fault, find_fault
from scoreline.schemas.logical import decimal_to_double, uuid_to_text
from scoreline.schemas.places import Path, Place
from scoreline.schemas.plan import Column, Plan
from scoreline.schemas.stored import strip_logical_types

# Whatever fastavro's C code runs into while it reads nonsense; the payload is to blame for each of them.
UNREADABLE = (
    EOFError,
    ValueError,
    LookupError,
    ArithmeticError,
    TypeError,
    StopIteration,
    MemoryError,
    RecursionError,
)

Value = float | int | None


class _FaultFound(ValueError):
    """What is wrong is known already."""


class RowDecoder:
    """Reads payloads of one writer's schema for one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._schema = strip_logical_types(plan.schema, plan.shape)
        self._pick = _make_picks([column.place.path for column in plan.columns])
        self._converters = [
            (i, convert) for i, c in enumerate(plan.columns) if (convert := _make_converter(c)) is not None
        ]
        self._lookups = [
            (i, c.levels.scalars) for i, c in enumerate(plan.columns) if c.levels and not _has_fractions(c)
        ]
        self._read_id = None if plan.id is None else make_id_reader(plan.id)
        self._read_time = None if plan.event_time is None else make_time_reader(plan.event_time)
        checks = collect_checks(plan.shape.root)
        self._checks = checks or []
        self._is_careful = plan.is_hostile or checks is None
        numbers = [column.number for column in plan.columns]
        self._numbers = None if numbers == list(range(plan.width)) else numbers

    def read(self, payloads: Sequence[bytes], start: int) -> Decoded:
        """Decode payloads whose datum begins at `start` and has to end with the payload."""
        values: list[list[Any]] = []
        ids: list[bytes | None] = []
        times: list[int | None] = []
        rejected: list[Rejected] = []
        read_datum = self._read_carefully if self._is_careful else schemaless_reader
        for row, payload in enumerate(payloads):
            stream = BytesIO(payload)
            stream.seek(start)
            try:
                record: Any = read_datum(stream, self._schema, None)
            except UNREADABLE as error:
                rejected.append(self._reject(row, payload, start, error))
                continue
            if stream.tell() != len(payload) or (self._checks and not all(check(record) for check in self._checks)):
                rejected.append(self._reject(row, payload, start))
                continue
            time = None if self._read_time is None else self._read_time(record)
            if time is not None and not FIRST_MS <= time <= LAST_MS:
                rejected.append(Rejected(row, Reason.INVALID_VALUE, describe_unreadable(time)))
                continue
            if self._read_id is not None:
                try:
                    ids.append(self._read_id(record))
                except UnicodeDecodeError:
                    rejected.append(Rejected(row, Reason.INVALID_VALUE, "the id is not UTF-8"))
                    continue
            times.append(time)
            taken = list(self._pick(record))
            for i, codes in self._lookups:
                taken[i] = codes.get(taken[i], UNSEEN)
            for i, convert in self._converters:
                taken[i] = convert(taken[i])
            values.append(taken)
        rows = np.arange(len(payloads))
        return Decoded(
            np.delete(rows, [one.row for one in rejected]) if rejected else rows,
            self._to_matrix(values),
            None if self._read_id is None else ids,
            None if self._read_time is None else times,
            rejected,
        )

    def _read_carefully(self, stream: BytesIO, schema: ParsedSchema, reader_schema: None) -> Any:
        """Look at the whole datum before fastavro does, where it could be brought down by it."""
        fault = find_fault(self._plan.shape, stream.getvalue(), stream.tell())
        if fault is not None:
            raise _FaultFound(fault)
        return schemaless_reader(stream, schema, reader_schema)

    def _to_matrix(self, values: list[list[Any]]) -> Matrix:
        if self._numbers is None and values:
            return np.array(values, dtype=np.float64)
        matrix = np.full((len(values), self._plan.width), np.nan)
        if values and self._numbers:
            matrix[:, self._numbers] = np.array(values, dtype=np.float64)
        return matrix

    def _reject(self, row: int, payload: bytes, start: int, error: BaseException | None = None) -> Rejected:
        """A second, careful look finds the words for what is wrong."""
        if isinstance(error, _FaultFound):
            return Rejected(row, Reason.UNDECODABLE, str(error))
        found = explain_fault(self._plan.shape, payload, start)
        kind = "bytes left over" if error is None else type(error).__name__
        return Rejected(row, Reason.UNDECODABLE, found or f"it cannot be read ({kind})")


def _make_picks(paths: Sequence[Path]) -> Callable[[dict[str, Any]], Sequence[Any]]:
    """What takes the values at some paths from a record as fastavro gives it."""
    if len(paths) > 1 and all(len(path) == 1 for path in paths):
        return itemgetter(*(path[0] for path in paths))
    picks = [make_pick(path) for path in paths]
    return lambda record: [pick(record) for pick in picks]


def _has_fractions(column: Column) -> bool:
    """Whether values can be fractions, which a look-up in a dictionary is not enough for."""
    return any(leaf.type in ("float", "double") or leaf.logical == "decimal" for leaf in column.place.leaves)


def _make_converter(column: Column) -> Callable[[Any], Value] | None:
    """What turns a stored value into the one for the matrix, where it is not that already."""
    scales = [leaf.scale for leaf in column.place.leaves if leaf.logical == "decimal"]
    levels = column.levels
    if not scales and (levels is None or not _has_fractions(column)):
        return None

    def convert(value: Any) -> Value:
        if isinstance(value, bytes):
            value = decimal_to_double(value, scales[0])
        return value if levels is None or value is None else levels.find(value)

    return convert


def make_id_reader(place: Place) -> Callable[[dict[str, Any]], bytes | None]:
    """What takes the id from a record as fastavro gives it."""
    pick = make_pick(place.path)
    is_binary = any(leaf.type == "fixed" for leaf in place.leaves)

    def read_id(record: dict[str, Any]) -> bytes | None:
        value = pick(record)
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, bytes):
            return uuid_to_text(value) if is_binary else value.decode().encode()
        return None if value is None else b"%d" % value

    return read_id
