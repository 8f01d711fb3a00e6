"""Times of rows, as people write them down, turned into numbers that order them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from scoreline.errors import ConfigError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TIME = (float("nan"), None)


class TimeReader:
    """Reads the cells of one column: numbers in any unit, or ISO 8601 texts and dates, never both.

    Moments without a time zone are taken for UTC.

    Args:
        column: its name, for messages.
        what: names the rows in messages.
    """

    def __init__(self, column: str, what: str) -> None:
        self._column = column
        self._what = what
        self._kinds: dict[str, Any] = {}
        self._rows = self._bad = 0
        self._first_bad = ""

    def read(self, cells: Sequence[Any]) -> npt.NDArray[np.float64]:
        """Numbers as they are, moments as microseconds since the epoch; NaN for none, which `finish` tells."""
        times = np.empty(len(cells))
        for i, cell in enumerate(cells):
            times[i], kind = _read(cell)
            if kind is None:
                self._note(self._rows + i, cell)
            else:
                self._kinds.setdefault(kind, cell)
        self._rows += len(cells)
        return times

    def finish(self) -> None:
        """Say what is wrong with the column as a whole.

        Raises:
            ConfigError: a cell is null or no time, or some are numbers and others moments.
        """
        where = f"the time column {self._column!r} of {self._what}"
        if self._bad:
            raise ConfigError(
                f"{where} should hold a number or an ISO 8601 time in every row, but {self._bad:,} of {self._rows:,} "
                f"rows have none; {self._first_bad}"
            )
        if len(self._kinds) > 1:
            shown = " and ".join(f"{kind}s ({cell!r})" for kind, cell in sorted(self._kinds.items()))
            raise ConfigError(f"{where} should hold one kind of times, but has {shown}")

    def _note(self, row: int, cell: Any) -> None:
        if not self._bad:
            self._first_bad = f"the first is row {row}, with {'null' if cell is None else repr(cell)}"
        self._bad += 1


def _read(cell: Any) -> tuple[float, str | None]:
    """The time and its kind; no kind where it is none."""
    if isinstance(cell, bool) or cell is None:
        return _NO_TIME
    if isinstance(cell, date):
        return _to_microseconds(cell), "moment"
    try:
        number = float(cell)
    except (TypeError, ValueError, OverflowError):
        return _read_text(cell)
    return (number, "number") if np.isfinite(number) else _NO_TIME


def _read_text(cell: Any) -> tuple[float, str | None]:
    if not isinstance(cell, str):
        return _NO_TIME
    try:
        return _to_microseconds(datetime.fromisoformat(cell.strip())), "moment"
    except ValueError:
        return _NO_TIME


def _to_microseconds(moment: date) -> float:
    """Exact for every moment that has a name, until the year 2255."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    apart = moment - _EPOCH
    return float((apart.days * 86_400 + apart.seconds) * 1_000_000 + apart.microseconds)
