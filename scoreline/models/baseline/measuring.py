"""Measures a baseline from rows that come with a publication: read, judged, scored and counted in slices."""

import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from scoreline.errors import ConfigError, Unavailable
from scoreline.features import Detail, FeatureSet, Matrix
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.building import TrainingRows, make_baseline
from scoreline.models.baseline.cells import CellReader
from scoreline.models.baseline.times import TimeReader
from scoreline.models.model import Scores
from scoreline.models.row_files import RowMapping
from scoreline.models.tables import Table

Score = Callable[[Matrix], Scores]
"""Scores settled rows with the model that is to be published; raises what keeps it from being published."""

_SLICE_ROWS = 32_768
_SLICE_VALUES = 2**20
_FIRST_PROBLEM = Detail(rows=0, problems=1)


@dataclass(frozen=True, slots=True)
class Measured:
    """A baseline, and what became of the rows.

    Attributes:
        left_out: how many rows cannot be scored.
        because: why the first of those cannot; None where all can.
    """

    baseline: Baseline
    left_out: int
    because: str | None

    @property
    def facts(self) -> Mapping[str, Any]:
        """What a manifest notes of it, beside the facts of the training."""
        blocks = self.baseline.blocks
        facts: dict[str, Any] = {"baseline_rows": self.baseline.total.rows}
        facts["baseline_blocks"] = 0 if blocks is None else len(blocks)
        if self.left_out:
            facts |= {"baseline_left_out": self.left_out, "baseline_left_out_because": self.because}
        return facts


def measure_baseline(
    table: Table, time_column: str | None, features: FeatureSet, classes: tuple[str, ...] | None, score: Score
) -> Measured:
    """Read rows, leave out those that cannot be scored, score the others, and count them.

    Values wait in a temporary file, 8 bytes each, so that memory holds two slices of them and one score and time a row:
    one slice is scored, on a thread of its own, while the next one is read.

    Raises:
        ConfigError: a column is missing, a time is none, or no row can be scored.
        Unavailable: there is no room for the temporary file.
    """
    try:
        with tempfile.TemporaryFile() as file, ThreadPoolExecutor(1, "baseline") as beside:
            reading = _Reading(file, table, time_column, features, classes, lambda matrix: beside.submit(score, matrix))
            for rows in table.stream(reading.slice_rows):
                reading.take(rows)
            kept = reading.finish()
            baseline = make_baseline(features, classes, kept)
    except OSError as error:
        raise Unavailable(f"the rows of {table.what} find no room in a temporary file: {error}") from error
    return Measured(baseline, reading.left_out, reading.because)


@dataclass(frozen=True, slots=True)
class _Slice:
    """Rows that were read and are being scored.

    Attributes:
        rows: how many they are.
        problems: why some cannot be scored, by place in the slice.
        good: places of the others.
        matrix: raw values of those.
        times: likewise; None where there are none.
        scores: what comes of them; None where there are no such rows.
    """

    rows: int
    problems: dict[int, str]
    good: npt.NDArray[np.intp]
    matrix: Matrix
    times: npt.NDArray[np.float64] | None
    scores: Future[Scores] | None


class _Reading:
    """What is known of the rows so far."""

    def __init__(
        self,
        file: IO[bytes],
        table: Table,
        time_column: str | None,
        features: FeatureSet,
        classes: tuple[str, ...] | None,
        submit: Callable[[Matrix], Future[Scores]],
    ) -> None:
        self.slice_rows = max(1, min(_SLICE_ROWS, _SLICE_VALUES // (len(features) + len(classes or ()))))
        self.left_out = 0
        self.because: str | None = None
        self._file = file
        self._what = table.what
        self._time_column = time_column
        self._times = None if time_column is None else TimeReader(time_column, table.what)
        self._cells = CellReader(features)
        self._features = features
        self._classes = classes
        self._submit = submit
        self._under_way: _Slice | None = None
        self._rows = 0
        self._columns: frozenset[str] = frozenset()
        self._kept_scores: list[Scores] = []
        self._kept_times: list[npt.NDArray[np.float64]] = []

    def take(self, rows: list[RowMapping]) -> None:
        """Have the next rows scored, and keep those before them for which that has worked."""
        read = self._cells.read(rows)
        self._columns |= read.columns
        settled = read.matrix.copy()
        problems = {each.row: each.detail for each in self._features.settle(settled, _FIRST_PROBLEM).problems}
        problems |= read.problems
        good = np.setdiff1d(np.arange(len(rows)), list(problems))
        times = None
        if self._times is not None:
            times = self._times.read([row.get(self._time_column or "") for row in rows])[good]
        self._keep_scored()
        scores = self._submit(np.ascontiguousarray(settled[good])) if len(good) else None
        self._under_way = _Slice(len(rows), problems, good, read.matrix[good], times, scores)

    def _keep_scored(self) -> None:
        read, self._under_way = self._under_way, None
        if read is None:
            return
        problems = dict(read.problems)
        finite: npt.NDArray[np.bool_] = np.ones(len(read.good), dtype=np.bool_)
        if read.scores is not None:
            scores = read.scores.result()
            finite = np.asarray(np.isfinite(scores.reshape(len(finite), -1)).all(axis=1))
            problems |= dict.fromkeys(read.good[~finite].tolist(), "the model's output is no finite number")
            self._kept_scores.append(scores[finite])
            self._file.write(np.ascontiguousarray(read.matrix[finite]).tobytes())
        if read.times is not None:
            self._kept_times.append(read.times[finite])
        if problems and self.because is None:
            first = min(problems)
            self.because = f"row {self._rows + first}: {problems[first]}"
        self.left_out += len(problems)
        self._rows += read.rows

    def finish(self) -> TrainingRows:
        """The rows that were kept.

        Raises:
            ConfigError: see `measure_baseline`.
        """
        self._keep_scored()
        self._check_columns()
        if self._times is not None:
            self._times.finish()
        kept = self._rows - self.left_out
        if not kept:
            raise ConfigError(f"none of the {self._rows:,} rows of {self._what} can be scored; {self.because}")
        self._file.flush()
        matrix = np.memmap(self._file, dtype=np.float64, mode="r", shape=(kept, len(self._features)))
        times = None if self._times is None else np.concatenate(self._kept_times)
        return TrainingRows(matrix, np.concatenate(self._kept_scores), times)

    def _check_columns(self) -> None:
        if not self._rows:
            raise ConfigError(f"{self._what} has no rows")
        missing = [each.name for each in self._features if each.name not in self._columns and not each.optional]
        if missing:
            raise ConfigError(f"{self._what} has no column for {', '.join(missing)}")
