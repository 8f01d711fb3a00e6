"""Bodies of rows, as they arrive, to chunks."""

import numpy as np
import numpy.typing as npt

from scoreline.errors import MalformedRequest, RequestTooLarge
from scoreline.jobs.chunk import FIRST_CHUNKS, MOST_BYTES, MOST_CHUNKS, MOST_ROWS, Chunk, JobOrder
from scoreline.jobs.identity import Digest
from scoreline.schemas.json_split import split_rows

FIRST_ROWS = 256
"""Of each of the first chunks, so that also a small job is spread over workers."""

_RESULT_BYTES = 512 * 1024
_PIECE_BYTES = 1024 * 1024
_LF = 0x0A
_BOM = b"\xef\xbb\xbf"
_JSON_BREAKS = bytes.maketrans(b"\r\n", b"  ")

_IS_INK = np.ones(256, dtype=np.bool_)
_IS_INK[list(b" \t\r\n")] = False


def rows_per_chunk(classes: int) -> int:
    """How many rows a chunk may have so that its result stays well under 1 MiB.

    Args:
        classes: of the model; 0 for any that is not multi-class.
    """
    return max(1, min(MOST_ROWS, _RESULT_BYTES // (8 * (1 + classes))))


class ChunkCutter:
    """Cuts one upload into chunks while it arrives, and keeps no more of it than one chunk and one line.

    Lines end with LF or CR LF, the last one may end with the body. Lines of nothing but spaces are no rows, nor is a
    byte order mark at the start. Whether a row is any good is not looked at.

    Args:
        max_rows: of the whole upload.
        max_line_bytes: of a row without its line's end.
        chunk_rows: of one chunk; see `rows_per_chunk`.
        digest: gets every byte of the body.
    """

    def __init__(
        self, order: JobOrder, *, max_rows: int, max_line_bytes: int, digest: Digest, chunk_rows: int = MOST_ROWS
    ) -> None:
        self._order = order
        self._max_rows = max_rows
        self._max_line_bytes = max_line_bytes
        self._chunk_rows = chunk_rows
        self._digest = digest
        self._line = bytearray()
        self._began = False
        self._lines = 0
        self._chunk = bytearray()
        self._rows_in_chunk = 0
        self._chunks = 0
        self._rows = 0
        self._first_row = 0

    @property
    def rows(self) -> int:
        """How many rows have come so far, without the line that has not ended yet."""
        return self._rows

    @property
    def chunks(self) -> int:
        """How many chunks were cut so far."""
        return self._chunks

    def feed(self, data: bytes) -> list[Chunk]:
        """Take the next bytes of an NDJSON body, and give the chunks that are full by now.

        Raises:
            RequestTooLarge: too many rows, or a line that is too long.
        """
        self._digest.update(data)
        if not self._began:
            self._line += data
            if len(self._line) < len(_BOM) and _BOM.startswith(self._line):
                return []
            self._began = True
            data = bytes(self._line).removeprefix(_BOM)
            self._line.clear()
        if len(data) <= _PIECE_BYTES:
            return self._take(data)
        pieces = (data[i : i + _PIECE_BYTES] for i in range(0, len(data), _PIECE_BYTES))
        return [chunk for piece in pieces for chunk in self._take(piece)]

    def feed_json(self, body: bytes, *, max_instances: int) -> list[Chunk]:
        """Take a whole `{"instances": […]}`, whose rows become lines as they stand, and give the chunks that are full.

        Raises:
            MalformedRequest: no JSON, another shape, or no instances.
            RequestTooLarge: too many rows, or one that is too long.
        """
        self._digest.update(body)
        self._began = True
        full: list[Chunk] = []
        rows = split_rows(body, max_instances=max_instances)
        for start in range(0, len(rows), self._chunk_rows):
            # JSON has breaks only between its tokens, where a space means the same.
            lines = [bytes(row).translate(_JSON_BREAKS) for row in rows[start : start + self._chunk_rows]]
            full += self._take(b"\n".join(lines) + b"\n")
        return full

    def finish(self) -> list[Chunk]:
        """The body has ended: what is left, so that every row is in a chunk.

        Raises:
            MalformedRequest: there was no row at all.
            RequestTooLarge: as `feed`.
        """
        full = self._take(b"\n") if self._line else []
        if self._rows_in_chunk:
            full.append(self._cut())
        if not self._rows:
            raise MalformedRequest("the body has no rows; expected one JSON object a line")
        return full

    def _take(self, data: bytes) -> list[Chunk]:
        ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == _LF)
        if not len(ends):
            self._line += data
            self._check_line(len(self._line), self._lines + 1)
            return []
        full: list[Chunk] = []
        start = 0
        if self._line:
            start = int(ends[0]) + 1
            self._line += data[:start]
            full += self._take_lines(bytes(self._line), np.array([len(self._line) - 1]))
            ends = ends[1:]
        if len(ends):
            stop = int(ends[-1]) + 1
            full += self._take_lines(data[start:stop], ends - start)
            start = stop
        self._line = bytearray(data[start:])
        self._check_line(len(self._line), self._lines + 1)
        return full

    def _take_lines(self, block: bytes, ends: npt.NDArray[np.intp]) -> list[Chunk]:
        """Take whole lines; `ends` says where the LF of each is."""
        starts = np.empty_like(ends)
        starts[0] = 0
        np.add(ends[:-1], 1, out=starts[1:])
        longest = int((ends - starts).argmax())
        self._check_line(int(ends[longest] - starts[longest]), self._lines + longest + 1)
        self._lines += len(ends)
        cells = np.frombuffer(block, dtype=np.uint8)
        if not _IS_INK[cells[starts]].all():
            written = np.logical_or.reduceat(_IS_INK[cells], starts)
            if not written.all():
                block = b"".join(
                    [block[a : b + 1] for a, b in zip(starts[written].tolist(), ends[written].tolist(), strict=True)]
                )
                ends = np.cumsum((ends - starts + 1)[written]) - 1
        self._rows += len(ends)
        if self._rows > self._max_rows:
            raise RequestTooLarge(f"the body has more than the {self._max_rows} rows that a job may have")
        if self._lines > 2 * self._max_rows:
            raise RequestTooLarge(f"the body has more than {2 * self._max_rows} lines, most of them empty")
        return self._share_out(memoryview(block), ends)

    def _share_out(self, block: memoryview, ends: npt.NDArray[np.intp]) -> list[Chunk]:
        """Put rows into chunks, and give those that are full."""
        full: list[Chunk] = []
        taken = start = 0
        while taken < len(ends):
            most_rows = self._rows_wanted() - self._rows_in_chunk
            room = MOST_BYTES - len(self._chunk)
            fitting = int(np.searchsorted(ends, start + room)) - taken
            count = min(most_rows, fitting)
            if not count and not self._rows_in_chunk:
                count = 1
            if count:
                taken += count
                stop = int(ends[taken - 1]) + 1
                self._chunk += block[start:stop]
                self._rows_in_chunk += count
                start = stop
            if count == most_rows or taken < len(ends):
                full.append(self._cut())
        return full

    def _rows_wanted(self) -> int:
        return min(FIRST_ROWS, self._chunk_rows) if self._chunks < FIRST_CHUNKS else self._chunk_rows

    def _cut(self) -> Chunk:
        if self._chunks == MOST_CHUNKS:
            raise RequestTooLarge(f"the body makes more than the {MOST_CHUNKS} chunks that a job may have")
        rows = self._rows_in_chunk
        with memoryview(self._chunk) as lines:
            chunk = Chunk(self._order, self._chunks, self._first_row, rows, bytes(lines[:-1]))
        self._first_row += rows
        self._chunk.clear()
        self._rows_in_chunk = 0
        self._chunks += 1
        return chunk

    def _check_line(self, length: int, number: int) -> None:
        if length > self._max_line_bytes:
            raise RequestTooLarge(f"line {number} is longer than the {self._max_line_bytes} bytes that a row may have")
