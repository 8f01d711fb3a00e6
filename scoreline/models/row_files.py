"""Rows of a small file for people: CSV, JSON lines or Parquet, as one mapping a row."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from scoreline.errors import ConfigError
from scoreline.features import Level

RowMapping = Mapping[str, Any]

_PARQUET_ROWS = 4096


class RowFormat(StrEnum):
    """How rows are written down."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"


_SUFFIXES = {
    ".csv": RowFormat.CSV,
    ".jsonl": RowFormat.JSON_LINES,
    ".ndjson": RowFormat.JSON_LINES,
    ".parquet": RowFormat.PARQUET,
}


def read_row_file(path: Path) -> tuple[bytes, RowFormat]:
    """The content of a file, and how its rows are written by its suffix.

    Raises:
        ConfigError: it is missing, or of another kind.
    """
    row_format = _SUFFIXES.get(path.suffix.lower())
    if row_format is None:
        raise ConfigError(f"{path} is neither CSV, JSON lines nor Parquet by its suffix ({', '.join(_SUFFIXES)})")
    try:
        return path.read_bytes(), row_format
    except OSError as error:
        raise ConfigError(f"the rows of {path} cannot be read: {error}") from error


def parse_rows(data: bytes, row_format: RowFormat, *, what: str) -> list[RowMapping]:
    """All rows of a file's content. In CSV an empty cell is null and everything else is text.

    Args:
        what: names it in messages.

    Raises:
        ConfigError: it holds no such rows.
    """
    rows = list(_stream(data, row_format, what))
    if not rows:
        raise ConfigError(f"{what} has no rows")
    return rows


def stream_rows(data: bytes, row_format: RowFormat, size: int, *, what: str) -> Iterator[list[RowMapping]]:
    """The rows that `parse_rows` gives, so many at a time; none where there are none.

    Raises:
        ConfigError: it holds no such rows.
    """
    rows = _stream(data, row_format, what)
    while part := list(islice(rows, size)):
        yield part


def _stream(data: bytes, row_format: RowFormat, what: str) -> Iterator[RowMapping]:
    readers = {RowFormat.CSV: _read_csv, RowFormat.JSON_LINES: _read_json_lines, RowFormat.PARQUET: _read_parquet}
    try:
        yield from readers[row_format](data)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the rows of {what} cannot be read: {error}") from error


def find_columns(data: bytes, row_format: RowFormat, *, what: str) -> tuple[str, ...]:
    """The names of the columns, without reading every row; of JSON lines, those of the first one.

    Raises:
        ConfigError: it holds no such rows.
    """
    try:
        if row_format is RowFormat.PARQUET:
            return tuple(_parquet_file(data).schema_arrow.names)
        if row_format is RowFormat.CSV:
            first = _csv_reader(data).fieldnames
        else:
            line = next((line for line in data.splitlines() if line.strip()), b"")
            first = list(next(_read_json_lines(line))) if line else None
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"the rows of {what} cannot be read: {error}") from error
    if not first:
        raise ConfigError(f"{what} has no columns")
    return tuple(first)


def find_parquet_levels(data: bytes) -> Mapping[str, tuple[Level, ...]]:
    """The levels of those columns of a Parquet file that pandas wrote as categories, in the file's order.

    Raises:
        ConfigError: the extra for Parquet is not installed.
    """
    file = _parquet_file(data)
    named = [field.name for field in file.schema_arrow if hasattr(field.type, "index_type")]
    table = file.read(columns=named) if named else None
    if table is None or not table.num_rows:
        return {}
    return {name: tuple(table.column(name).unify_dictionaries().chunk(0).dictionary.to_pylist()) for name in named}


def _read_csv(data: bytes) -> Iterator[RowMapping]:
    try:
        for row in _csv_reader(data):
            yield {key: cell or None for key, cell in row.items()}
    except csv.Error as error:
        raise ValueError(str(error)) from error


def _csv_reader(data: bytes) -> "csv.DictReader[str]":
    return csv.DictReader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline=""), strict=True)


def _read_json_lines(data: bytes) -> Iterator[RowMapping]:
    for line in data.splitlines():
        if not line.strip():
            continue
        row = _read_json(line)
        if not isinstance(row, dict):
            raise ValueError("every line has to be a JSON object")  # noqa: TRY004  of the text, not of an argument
        yield row


def _read_json(line: bytes) -> Any:
    """As `json` reads it, in a fifth of the time: what only `json` takes (NaN, numbers without end) is left to it."""
    try:
        return msgspec.json.decode(line)
    except msgspec.MsgspecError:
        return json.loads(line)


def _read_parquet(data: bytes) -> Iterator[RowMapping]:
    for part in _parquet_file(data).iter_batches(_PARQUET_ROWS):
        yield from part.to_pylist()


def _parquet_file(data: bytes) -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError("Parquet needs an extra: pip install 'scoreline[parquet]'") from error
    return pyarrow.parquet.ParquetFile(pyarrow.BufferReader(data))
