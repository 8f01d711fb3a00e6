"""Rows as they stand on a command line: name=value, a file, or standard input."""

import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoreline.cli.rows import NumberedRow, RowFile, open_rows, read_json_lines
from scoreline.client.uploads import Rows
from scoreline.errors import ConfigError

if TYPE_CHECKING:
    from scoreline.config.settings import Settings

_LINES = frozenset({".jsonl", ".ndjson"})


def find_spare(settings: "Settings") -> frozenset[str]:
    """Columns that the stream needs: a model need have no feature for them."""
    return frozenset(name for name in (settings.id_field, settings.event_time_field) if name is not None)


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
def open_upload(argument: str, find_left_out: Callable[[], Collection[str]] = frozenset) -> Iterator[Rows]:
    """What a job is made of: JSON lines as they are, for the service judges each of them, or the rows of another file.

    Args:
        find_left_out: columns of another file that are not sent; called once, and only for such a file.

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
        rows = open_rows(path)
        yield _FileRows(rows, find_left_out())


class _FileRows:
    """Rows of a file without their numbers and some columns, as often as they are asked for."""

    def __init__(self, file: RowFile, left_out: Collection[str]) -> None:
        self._file = file
        self._left_out = left_out

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for _, row in _read_file(self._file):
            yield {name: value for name, value in row.items() if name not in self._left_out} if self._left_out else row


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
