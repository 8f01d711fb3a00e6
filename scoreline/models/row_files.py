"""Rows of a small file for people: CSV, JSON lines or Parquet, as one mapping a row."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scoreline.errors import ConfigError

RowMapping = Mapping[str, Any]


def read_rows(path: Path) -> list[RowMapping]:
    """Read a file by its suffix. In CSV an empty cell is null and everything else is text.

    Raises:
        ConfigError: it is missing, of another kind, or no such rows.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_json_lines, ".ndjson": _read_json_lines, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"{path} is neither CSV, JSON lines nor Parquet by its suffix ({', '.join(readers)})")
    try:
        rows = reader(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"the rows of {path} cannot be read: {error}") from error
    if not rows:
        raise ConfigError(f"{path} has no rows")
    return rows


def _read_csv(data: bytes) -> list[RowMapping]:
    reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    try:
        return [{key: cell or None for key, cell in row.items()} for row in reader]
    except csv.Error as error:
        raise ValueError(str(error)) from error


def _read_json_lines(data: bytes) -> list[RowMapping]:
    rows = [json.loads(line) for line in data.splitlines() if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("every line has to be a JSON object")
    return rows


def _read_parquet(data: bytes) -> list[RowMapping]:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError("Parquet needs an extra: pip install 'scoreline[parquet]'") from error
    rows: list[RowMapping] = pyarrow.parquet.read_table(pyarrow.BufferReader(data)).to_pylist()
    return rows
