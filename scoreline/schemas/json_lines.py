"""Lines of JSON to a matrix, where a bad line harms no other: what `JsonRows` does for rows that stand on their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from scoreline.errors import InstanceProblem
from scoreline.features import Matrix, bound_unseen
from scoreline.schemas.json_problems import DETAILED_INSTANCES, PROBLEMS_PER_INSTANCE, describe_value
from scoreline.schemas.json_rows import JsonRows
from scoreline.schemas.json_split import NO_JSON, check_text

_RAW = msgspec.json.Decoder(msgspec.Raw)
_SHOWN_ERROR = 200


@dataclass(frozen=True, slots=True)
class DecodedLines:
    """Every line is either one of `rows` or in `problems`, never both.

    Attributes:
        rows: positions of the good lines, ascending; shape (kept,).
        features: settled; shape (kept, features), float64, C-contiguous.
        unseen: levels never seen in training, by feature, of the good lines; shape (features,).
        problems: what is wrong with each bad line, at least one thing; the first 100 are told in full.
    """

    rows: npt.NDArray[np.intp]
    features: Matrix
    unseen: npt.NDArray[np.int64]
    problems: Mapping[int, Sequence[InstanceProblem]]


class JsonLines(JsonRows):
    """Decodes `{feature: value, …}` lines for one set of features, each as `JsonRows` would if it came alone."""

    def decode_lines(self, lines: bytes) -> DecodedLines:
        """Decode and settle all lines; never raises for what they hold.

        Args:
            lines: at least one, separated by LF.
        """
        count = lines.count(b"\n") + 1
        problems: dict[int, list[InstanceProblem]] = {}
        matrix = self._decode_at_once(lines, count)
        positions: Sequence[int] = range(count)
        if matrix is None:
            values = self._decode_each(lines.split(b"\n"), problems)
            positions = list(values)
            matrix = self._fill(list(values.values())) if values else np.empty((0, len(self._features)))
        unseen = self._add_settled(problems, positions, matrix)
        rows = np.array(positions, dtype=np.intp)
        if not problems:
            return DecodedLines(rows, matrix, unseen, problems)
        good = np.isin(rows, list(problems), invert=True)
        kept = matrix[good]
        return DecodedLines(rows[good], kept, bound_unseen(unseen, kept), _bound(problems))

    def _decode_at_once(self, lines: bytes, count: int) -> Matrix | None:
        """All lines as the rows of one body; None where something is wrong, or may be.

        Where every line begins with a brace, and there is no other, as many rows can only come out if each line is one:
        a row takes a brace, and the only comma that may stand between two is the one that was put there.
        """
        braces = lines.count(b"{")
        if braces != count or not lines.startswith(b"{") or lines.count(b"\n{") != count - 1:
            return None
        try:
            self._check_skipped(lines)
            rows = self._decoder.decode(b'{"instances":[%b]}' % lines.replace(b"\n", b",")).instances
        except NO_JSON:
            return None
        return self._fill([self._take_values(row) for row in rows]) if len(rows) == count else None

    def _decode_each(self, lines: Sequence[bytes], problems: dict[int, list[InstanceProblem]]) -> dict[int, list[Any]]:
        """By position the values of the lines that are good so far, or may have more problems than were found."""
        values: dict[int, list[Any]] = {}
        for i, line in enumerate(lines):
            try:
                self._check_skipped(line)
                values[i] = self._take_values(self._row_decoder.decode(line))
            except NO_JSON:
                limit = PROBLEMS_PER_INSTANCE if len(problems) < DETAILED_INSTANCES else 1
                found, bad = self._look_closely(i, line, limit)
                if bad:
                    problems[i] = bad
                if len(bad) < limit and found is not None:
                    values[i] = found
        return values

    def _look_closely(self, i: int, line: bytes, limit: int) -> tuple[list[Any] | None, list[InstanceProblem]]:
        try:
            check_text(line)
            raw = bytes(_RAW.decode(line))
            if not raw.startswith(b"{"):
                detail = f"expected an object with a value for each feature, got {describe_value(raw)}"
                return None, [InstanceProblem(i, detail)]
            return self._decode_row(i, raw, limit)
        except NO_JSON as error:
            return None, [InstanceProblem(i, _describe_malformed(error))]

    def _take_values(self, row: msgspec.Struct) -> list[Any]:
        values = list(msgspec.structs.astuple(row))
        if self._has_skipped:
            del values[len(self._features) :]
        return values


def _describe_malformed(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "the row is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "the row is not UTF-8"
    return f"expected one JSON object, got what is none: {str(error)[:_SHOWN_ERROR]}"


def _bound(problems: Mapping[int, Sequence[InstanceProblem]]) -> dict[int, Sequence[InstanceProblem]]:
    """Ascending by line, and short enough to be told."""
    return {
        line: problems[line][: PROBLEMS_PER_INSTANCE if i < DETAILED_INSTANCES else 1]
        for i, line in enumerate(sorted(problems))
    }
