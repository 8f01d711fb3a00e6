"""How commands answer: tables and progress for people on a terminal, plain text on a pipe, JSON for scripts."""

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

Row = Mapping[str, object]


def print_json(value: Any) -> None:
    """Print one JSON document on one line; numbers that JSON does not have become the strings NaN and ±Infinity."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        text = json.dumps(_name_numbers(value), ensure_ascii=False, default=str)
    print(text, flush=True)


def _name_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _name_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_name_numbers(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def print_table(rows: Sequence[Row], *, as_json: bool = False, title: str | None = None) -> None:
    """Print rows that have the same columns.

    Args:
        as_json: as one JSON array of objects.
        title: only shown on a terminal.
    """
    if as_json:
        print_json(list(rows))
    elif sys.stdout.isatty():
        _print_rich(rows, title)
    else:
        for line in align(rows):
            print(line)


def align(rows: Sequence[Row]) -> Iterable[str]:
    """Rows as text in columns two blanks apart, below the columns' names; nothing without rows."""
    if not rows:
        return
    lines = [list(rows[0]), *([_text(value) for value in row.values()] for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


@contextmanager
def show_progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how far something is, on stderr and only on a terminal; yields what to call with each advance.

    Args:
        total: None where it is not known.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)


def _print_rich(rows: Sequence[Row], title: str | None) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(_text(value)) for value in row.values()))
    Console().print(table)


def _text(value: object) -> str:
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
