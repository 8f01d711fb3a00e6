"""Rows as they stand on a command line: name=value, a file, or standard input."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scoreline.cli.rows import NumberedRow, RowFile, open_rows, read_json_lines
from scoreline.client.uploads import Rows
from scoreline.errors import ConfigError

_LINES = frozenset({".jsonl", ".ndjson"})


def read_arguments(arguments: Sequence[str]) -> Iterator[NumberedRow]:
    """The rows that a command line means.

    Raises:
        ConfigError: neither one file nor only name=value.
    """
    if arguments and all("=" in argument for argument in arguments) and not Path(arguments[0]).exists():
        pairs = (argument.split("=", 1) for argument in arguments)
        yield 1, {name: read_value(text) for name, text in pairs}
    elif not arguments or list(arguments) == ["-"]:
        try:
            yield from read_json_lines(sys.stdin)
        except ValueError as error:
            raise ConfigError(f"stdin: {error}") from error
    elif len(arguments) == 1:
        yield from _read_file(open_rows(Path(arguments[0])))
    else:
        raise ConfigError("expected name=value for one row, or one file")


@contextmanager
def open_upload(argument: str) -> Iterator[Rows]:
    """What a job is made of: JSON lines as they are, for the service judges each of them, or the rows of another file.

    Raises:
        ConfigError: the file is missing or of an unknown kind.
    """
    path = Path(argument)
    if argument == "-":
        yield sys.stdin.buffer
    elif path.suffix.lower() in _LINES:
        try:
            file = path.open("rb")
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror or error}") from error
        with file:
            yield file
    else:
        yield _FileRows(open_rows(path))


class _FileRows:
    """Rows of a file without their numbers, as often as they are asked for."""

    def __init__(self, file: RowFile) -> None:
        self._file = file

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return (row for _, row in _read_file(self._file))


def _read_file(file: RowFile) -> Iterator[NumberedRow]:
    for number, row in file:
        yield number, {k: v if v is None else read_value(v) for k, v in row.items()} if file.as_text else row


def read_value(text: str) -> Any:
    """JSON where it is a number, a boolean, null or quoted text; else the text itself."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return text
    return text if isinstance(value, dict | list) else value


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's; here they are text."""
    raise ValueError(name)
