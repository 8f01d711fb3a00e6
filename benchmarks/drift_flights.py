"""The flights as drift detection sees them: the baseline that a publication makes, streams of windows, and faults."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from scoreline.demo.flights import CATEGORICAL, FEATURES, FIRST_STREAMED_MONTH, load_flights
from scoreline.features import Feature, FeatureSet, Kind
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.building import TrainingRows, make_baseline
from scoreline.models.baseline.counts import Counts
from scoreline.models.baseline.grid import Grid

Matrix = npt.NDArray[np.float64]

WINDOW = 4096
LOOKS = 4
"""In which parts of a window its rows are counted."""

BEGIN = WINDOW // 3
"""Row of its window from which on a fault is there."""

FAHRENHEIT_ZERO, FAHRENHEIT_DEGREE = 32.0, 5 / 9
KILOMETRES = 1.609344


@dataclass(frozen=True, slots=True)
class Rows:
    """Flights in order: what the model was given, which levels it did not know, what it gave.

    Attributes:
        matrix: shape (rows, 25).
        unseen: where a level was not in the training; shape (rows, 25).
        scores: shape (rows,).
        day: number of the day, the first of January being 1; shape (rows,).
        month: 1 to 12; shape (rows,).
    """

    matrix: Matrix
    unseen: npt.NDArray[np.bool_]
    scores: Matrix
    day: npt.NDArray[np.int64]
    month: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, places) -> "Rows":
        """Some of the rows, in that order."""
        return Rows(*(column[places] for column in (self.matrix, self.unseen, self.scores, self.day, self.month)))

    def count(self, grid: Grid) -> list[Counts]:
        """Their counts in so many parts as are looked at."""
        parts = (self.take(part) for part in np.array_split(np.arange(len(self)), LOOKS))
        return [grid.count(part.matrix, part.unseen.sum(axis=0), part.scores) for part in parts]


@dataclass(frozen=True, slots=True)
class DriftFlights:
    """The flights of January to June and the baseline that they make, and those of July to December."""

    training: Rows
    streamed: Rows
    baseline: Baseline


def load_drift_flights(score: Callable[[Matrix], Matrix]) -> DriftFlights:
    """Read all flights and score them."""
    flights = load_flights()
    month = flights["month"].to_numpy()
    known = flights[month < FIRST_STREAMED_MONTH]
    levels = {name: sorted(known[name].dropna().unique()) for name in CATEGORICAL}
    matrix, unseen = np.empty((len(flights), len(FEATURES))), np.zeros((len(flights), len(FEATURES)), dtype=np.bool_)
    for i, name in enumerate(FEATURES):
        if name not in levels:
            matrix[:, i] = flights[name].to_numpy(np.float64)
            continue
        codes = pd.Index(levels[name]).get_indexer(flights[name])
        matrix[:, i] = np.where(codes < 0, np.nan, codes)
        unseen[:, i] = (codes < 0) & flights[name].notna().to_numpy()
    day = pd.to_datetime(flights["id"].str[:10]).dt.day_of_year.to_numpy()
    everything = Rows(matrix, unseen, score(matrix), day, month)
    training, streamed = everything.take(month < FIRST_STREAMED_MONTH), everything.take(month >= FIRST_STREAMED_MONTH)
    rows = TrainingRows(training.matrix, training.scores, np.arange(len(training), dtype=np.float64))
    return DriftFlights(training, streamed, make_baseline(make_features(levels), None, rows))


def make_features(levels: Mapping[str, list[str]]) -> FeatureSet:
    """The features of the model, with the levels that the training has."""
    return FeatureSet(
        tuple(
            Feature(name, Kind.CATEGORICAL, levels=tuple(levels[name])) if name in levels else Feature(name)
            for name in FEATURES
        )
    )


def add_up(grid: Grid, parts: list[Counts]) -> Counts:
    """The counts of all parts together."""
    total = grid.make_empty()
    for part in parts:
        total.add(part)
    return total


def draw_days(rows: Rows, windows: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Windows of a stream of whole days, drawn with replacement, the flights of a day in their order."""
    places = [np.flatnonzero(rows.day == day) for day in np.unique(rows.day)]
    waiting = np.empty(0, dtype=np.intp)
    for _ in range(windows):
        while len(waiting) < WINDOW:
            waiting = np.concatenate([waiting, places[rng.integers(len(places))]])
        yield rows.take(waiting[:WINDOW])
        waiting = waiting[WINDOW:]


def cut(rows: Rows) -> Iterator[Rows]:
    """Windows of rows as they came."""
    for begin in range(0, len(rows) - WINDOW + 1, WINDOW):
        yield rows.take(slice(begin, begin + WINDOW))


def add_fault(fault: str, rows: Rows, begin: int, rng: np.random.Generator) -> Rows:
    """Rows with one of `FAULTS` from a row on; their scores stay, so that no output gives it away."""
    feature, change = FAULTS[fault]
    column = FEATURES.index(feature)
    matrix, unseen = rows.matrix.copy(), rows.unseen.copy()
    values = rows.matrix[begin:, column]
    matrix[begin:, column] = change(values, rng)
    if feature in CATEGORICAL:
        unseen[begin:, column] |= np.isnan(matrix[begin:, column]) & ~np.isnan(values)
    return replace(rows, matrix=matrix, unseen=unseen)


def _lose(share: float) -> Callable[[Matrix, np.random.Generator], Matrix]:
    """So many of all rows lose a value that they had."""

    def change(values: Matrix, rng: np.random.Generator) -> Matrix:
        return np.where(rng.random(len(values)) < share / np.mean(~np.isnan(values)), np.nan, values)

    return change


def _repeat(value: float) -> Callable[[Matrix, np.random.Generator], Matrix]:
    return lambda values, rng: np.full(len(values), value)


FAULTS: Mapping[str, tuple[str, Callable[[Matrix, np.random.Generator], Matrix]]] = {
    "distance in km": ("distance", lambda values, rng: values * KILOMETRES),
    "humidity all null": ("humid", _repeat(np.nan)),
    "pressure all null": ("pressure", _repeat(np.nan)),
    "seats: 10 points more nulls": ("seats", _lose(0.10)),
    "carrier: 2 % unseen": ("carrier", _lose(0.02)),
    "temperature in °C": ("temp", lambda values, rng: (values - FAHRENHEIT_ZERO) * FAHRENHEIT_DEGREE),
    "temperature stuck at 50 °F": ("temp", _repeat(50.0)),
    "pressure stuck at 1018 mbar": ("pressure", _repeat(1018.0)),
    "wind stuck at 9.2 mph": ("wind_speed", _repeat(9.20624)),
}
"""By name: the feature, and what becomes of its values."""
