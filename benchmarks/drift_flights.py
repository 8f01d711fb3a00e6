"""The flights as drift detection sees them: a matrix, its grid, a baseline in 512 blocks, and faults to put in."""

from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.flights import train_elsewhere
from scoreline.demo.flights import CATEGORICAL, FEATURES, FIRST_STREAMED_MONTH, load_flights
from scoreline.models.baseline.axes import BINS, Axis, CategoricalAxis, NumericAxis
from scoreline.models.baseline.baseline import MOST_BLOCKS, Baseline
from scoreline.models.baseline.counts import Counts
from scoreline.models.baseline.grid import Grid

Matrix = npt.NDArray[np.float64]
ENDS = (0.001, 0.999)
CROWDED = 0.2


@dataclass(frozen=True, slots=True)
class Rows:
    """Flights in order: what the model was given, which levels it did not know, what it gave.

    Attributes:
        matrix: shape (rows, 25).
        unseen: where a level was not in the training; shape (rows, 25).
        scores: shape (rows,).
        day: number of the day since the first of January; shape (rows,).
        month: 1 to 12; shape (rows,).
    """

    matrix: Matrix
    unseen: npt.NDArray[np.bool_]
    scores: Matrix
    day: npt.NDArray[np.int64]
    month: npt.NDArray[np.int64]

    def take(self, places) -> "Rows":
        """Some of the rows, in that order."""
        return Rows(self.matrix[places], self.unseen[places], self.scores[places], self.day[places], self.month[places])

    def count(self, grid: Grid) -> Counts:
        """All of the rows on a grid."""
        return grid.count(self.matrix, self.unseen.sum(axis=0), self.scores)


@dataclass(frozen=True, slots=True)
class DriftFlights:
    """The flights of the training and of the stream, and the baseline of the former."""

    training: Rows
    streamed: Rows
    baseline: Baseline
    booster: lgb.Booster


def load_drift_flights() -> DriftFlights:
    """Train as the demonstration does, and score every flight."""
    flights = load_flights()
    booster = lgb.Booster(model_str=train_elsewhere(200, 63))
    levels = dict(zip(CATEGORICAL, booster.pandas_categorical, strict=True))
    columns, unseen = [], []
    for name in FEATURES:
        column = flights[name]
        codes = pd.Categorical(column, categories=levels[name]).codes if name in levels else None
        values = column.to_numpy(np.float64) if codes is None else np.where(codes < 0, np.nan, codes)
        columns.append(values)
        unseen.append(np.isnan(values) & column.notna().to_numpy())
    day = pd.to_datetime(flights["id"].str[:10]).dt.day_of_year.to_numpy()
    matrix = np.column_stack(columns)
    scores = np.asarray(booster.predict(matrix, num_threads=1))
    everything = Rows(matrix, np.column_stack(unseen), scores, day, flights["month"].to_numpy())
    training = everything.take(everything.month < FIRST_STREAMED_MONTH)
    grid = make_grid(training, levels)
    return DriftFlights(
        training, everything.take(everything.month >= FIRST_STREAMED_MONTH), make_baseline(training, grid), booster
    )


def make_grid(rows: Rows, levels: Mapping[str, list[str]]) -> Grid:
    """Ends at the 0.1 and 99.9 % quantiles, logarithmic where one bin would hold over a fifth."""
    axes: list[Axis] = []
    for name, values in zip(FEATURES, rows.matrix.T, strict=True):
        if name in levels:
            axes.append(CategoricalAxis(name, len(levels[name]), tuple(levels[name])))
        else:
            axes.append(_make_numeric(name, values, is_output=False))
    axes.append(_make_numeric("output:prediction", rows.scores, is_output=True))
    return Grid(tuple(axes))


def _make_numeric(name: str, values: Matrix, *, is_output: bool) -> NumericAxis:
    present = values[~np.isnan(values)]
    lowest, highest = (float(x) for x in np.quantile(present, ENDS))
    inside = np.histogram(present, BINS, (lowest, highest))[0]
    return NumericAxis(name, lowest, highest, bool(inside.max() > CROWDED * len(present)), is_output)


def make_baseline(rows: Rows, grid: Grid) -> Baseline:
    """Blocks of equal size in the order of time, and their sum."""
    parts = np.array_split(np.arange(len(rows.scores)), MOST_BLOCKS)
    blocks = [rows.take(part).count(grid) for part in parts]
    total = grid.make_empty()
    for block in blocks:
        total.add(block)
    values = np.column_stack([rows.matrix, rows.scores])
    numeric = np.array([isinstance(axis, NumericAxis) for axis in grid.axes])
    return Baseline(
        grid,
        total,
        np.where(numeric, np.nanmean(values, axis=0), 0.0),
        np.where(numeric, np.nanstd(values, axis=0), 0.0),
        blocks,
    )
