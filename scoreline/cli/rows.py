"""Rows of a file, one at a time and with their line: CSV, JSON lines, Parquet, or an Avro container."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from scoreline.errors import ConfigError
from scoreline.schemas.catalog import ParsedSchema

NumberedRow = tuple[int, Mapping[str, Any]]
"""The line that a row ends on (of formats without lines, its number), from 1, and the row."""


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file that may be read as often as needed.

    Attributes:
        as_text: whether values are text to be read by a schema, as in CSV, where an empty cell is null.
        schema: that the file brings along; None for most kinds.
    """

    path: Path
    as_text: bool
    schema: ParsedSchema | None
    _read: Callable[[Path], Iterator[NumberedRow]]

    def __iter__(self) -> Iterator[NumberedRow]:
        """Read from the start.

        Raises:
            ConfigError: the file is damaged, or is not what its name says.
        """
        with _telling_what_is_wrong(self.path):
            yield from self._read(self.path)


def open_rows(path: Path) -> RowFile:
    """Find out how a file is to be read, by its suffix.

    Raises:
        ConfigError: it is missing, of an unknown kind, or its schema cannot be read.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"{path}: expected one of {', '.join(_READERS)} by its suffix")
    with _telling_what_is_wrong(path):
        path.open("rb").close()
        schema = _read_container_schema(path) if reader is _read_container else None
    return RowFile(path, reader is _read_csv, schema, reader)


def read_json_lines(stream: TextIO) -> Iterator[NumberedRow]:
    """JSON objects, one a line; blank lines are skipped.

    Raises:
        ValueError: a line is not a JSON object.
    """
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"line {number}: expected a JSON object, but it is {type(row).__name__}")  # noqa: TRY004 - data, not an argument
        yield number, row


def _read_csv(path: Path) -> Iterator[NumberedRow]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        for row in reader:
            if None in row or None in row.values():
                expected = len(reader.fieldnames or ())
                raise ValueError(f"line {reader.line_num}: expected {expected} cells")
            yield reader.line_num, {name: cell or None for name, cell in row.items()}


def _read_lines(path: Path) -> Iterator[NumberedRow]:
    with path.open(encoding="utf-8") as stream:
        yield from read_json_lines(stream)


def _read_parquet(path: Path) -> Iterator[NumberedRow]:
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ConfigError("Parquet needs an extra: pip install 'scoreline[parquet]'") from error
    number = 0
    with ParquetFile(path) as file:
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield number, row


def _read_container(path: Path) -> Iterator[NumberedRow]:
    import fastavro

    with path.open("rb") as stream:
        for number, row in enumerate(fastavro.reader(stream), 1):
            if not isinstance(row, dict):
                raise ValueError("expected a container of records")  # noqa: TRY004 - data, not an argument
            yield number, row


def _read_container_schema(path: Path) -> ParsedSchema:
    import fastavro

    with path.open("rb") as stream:
        return fastavro.parse_schema(fastavro.reader(stream).writer_schema)


_READERS: Mapping[str, Callable[[Path], Iterator[NumberedRow]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_lines,
    ".ndjson": _read_lines,
    ".parquet": _read_parquet,
    ".avro": _read_container,
}


@contextmanager
def _telling_what_is_wrong(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except EOFError as error:
        raise ConfigError(f"{path}: it ends too early") from error
    except (ValueError, csv.Error) as error:
        raise ConfigError(f"{path}: {error}") from error
