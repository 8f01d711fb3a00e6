"""The results of a job as they arrive: pieces of NDJSON → rows in order, each once, over broken connections."""

from collections.abc import Iterator

from scoreline.client.answers import RowResult
from scoreline.client.calls import Calls
from scoreline.client.errors import Unreachable, UnreadableAnswer
from scoreline.client.exchange import Pause, Reply, Steps
from scoreline.client.reading import read_row

LONGEST_LINE_BYTES = 16 * 1024 * 1024


class ResultCursor:
    """Where the reading of a job's results stands. Does no I/O.

    Args:
        offset: the first row that is wanted, from 0.
    """

    def __init__(self, calls: Calls, job_id: str, offset: int) -> None:
        self._calls = calls
        self._job_id = job_id
        self._next = offset
        self._rows = 0
        self._begun = False
        self._breaks = 0
        self._rest = b""

    @property
    def done(self) -> bool:
        """Whether all rows have come."""
        return self._begun and self._next >= self._rows

    def begin(self) -> Steps[None]:
        """Find out how many rows there are: lines that end early are then known for what they are."""
        self._rows = (yield from self._calls.job(self._job_id)).rows
        self._begun = True

    def connect(self) -> Steps[Reply]:
        """Ask for the rows from here on, after a pause where the connection has just broken.

        Raises:
            Rejected, Unreachable: there are none to be had.
        """
        if self._breaks:
            pause = self._calls.retries.find_pause(self._breaks)
            yield Pause(0.0 if pause is None else pause)
        self._rest = b""
        return (yield from self._calls.open_results(self._job_id, self._next))

    def take(self, piece: bytes) -> Iterator[RowResult]:
        """The rows whose lines a piece ends.

        Raises:
            UnreadableAnswer: a line is no result, or not of the row whose turn it is.
        """
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > LONGEST_LINE_BYTES:
            raise UnreadableAnswer(f"row {self._next}: its line has more than {LONGEST_LINE_BYTES} bytes")
        for line in lines:
            if not line.strip():
                continue
            row = read_row(line)
            if row.instance != self._next or row.instance >= self._rows:
                raise UnreadableAnswer(f"expected row {self._next} of {self._rows}, but row {row.instance} came")
            self._next += 1
            self._breaks = 0
            yield row

    def end(self) -> None:
        """Note that the lines have ended.

        Raises:
            Unreachable: once too often without a single row, before all have come.
        """
        if not self.done:
            self.note_break(Unreachable(f"the results ended before row {self._next} of {self._rows}"))

    def note_break(self, error: Unreachable) -> None:
        """Note that the connection broke.

        Raises:
            Unreachable: that error, once too often without a single row.
        """
        self._breaks += 1
        if self._calls.retries.find_pause(self._breaks) is None:
            raise error
