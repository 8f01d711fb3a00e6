"""Rows that come with a publication, from a file or from memory, as content that can be kept and read again."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any

import numpy as np

from scoreline.errors import ConfigError
from scoreline.models.frames import ColumnTypes, read_columns, to_plain
from scoreline.models.row_files import (
    RowFormat,
    RowMapping,
    find_columns,
    find_parquet_levels,
    parse_rows,
    read_row_file,
    stream_rows,
)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, with what their columns' types tell.

    Attributes:
        content: as a file of `row_format` would hold it.
        columns: their names.
        what: names the table in messages.
    """

    what: str
    content: bytes
    row_format: RowFormat
    columns: tuple[str, ...]
    types: ColumnTypes = field(default_factory=ColumnTypes)

    def rows(self) -> list[RowMapping]:
        """All rows.

        Raises:
            ConfigError: they cannot be read, or there are none.
        """
        return parse_rows(self.content, self.row_format, what=self.what)

    def stream(self, size: int) -> Iterator[list[RowMapping]]:
        """All rows, so many at a time.

        Raises:
            ConfigError: they cannot be read.
        """
        return stream_rows(self.content, self.row_format, size, what=self.what)


def make_table(given: object, names: Sequence[str], *, what: str) -> Table:
    """Make a table of a path, or of what somebody holds in memory; that is written down as JSON lines.

    Args:
        names: of the model's features, for what has no names of its own.
        what: the argument, for messages.

    Raises:
        ConfigError: no rows can be read from it.
    """
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        content, row_format = read_row_file(path)
        columns = find_columns(content, row_format, what=str(path))
        levels = find_parquet_levels(content) if row_format is RowFormat.PARQUET else {}
        return Table(str(path), content, row_format, columns, ColumnTypes(levels))
    read = read_columns(given, names, what=what)
    lengths = {len(values) for values in read.values.values()}
    if lengths in (set(), {0}):
        raise ConfigError(f"{what} has no rows")
    labels = tuple(read.values)
    lines = (_encode(dict(zip(labels, row, strict=True)), what) for row in zip(*read.values.values(), strict=True))
    return Table(what, "\n".join(lines).encode(), RowFormat.JSON_LINES, labels, read.types)


def _encode(row: dict[str, Any], what: str) -> str:
    try:
        return json.dumps({label: to_plain(value) for label, value in row.items()}, default=_to_json)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{what} has a value that cannot be written down: {error}") from error


def _to_json(value: Any) -> Any:
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{value!r} of type {type(value).__name__}; numbers, booleans, texts, dates and nulls can be")
