"""Rows of a small grid, steady ones: two numbers, a category, an output; and the baseline that they make."""

import numpy as np

from scoreline.models.baseline.axes import CategoricalAxis, NumericAxis
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.grid import Grid
from scoreline.observability.drift.judge import DriftJudge
from scoreline.observability.drift.states import Window

GRID = Grid(
    (
        NumericAxis("speed", -4.0, 4.0),
        NumericAxis("weight", 0.0, 100.0, logarithmic=True),
        CategoricalAxis("colour", 3, ("red", "green", "blue")),
        NumericAxis("output:prediction", 0.0, 1.0, is_output=True),
    )
)
SPEED, WEIGHT, COLOUR, OUTPUT = range(4)
ROWS = 512
BLOCK = 128


def draw_rows(seed, rows=ROWS):
    """Columns by axis; shape (rows, 4)."""
    rng = np.random.default_rng(seed)
    speed, weight = 1.0 + rng.normal(0, 0.7, rows), rng.gamma(2.0, 8.0, rows)
    colour = rng.choice(3, rows, p=(0.5, 0.3, 0.2)).astype(float)
    return np.column_stack([speed, np.minimum(weight, 99.0), colour, rng.beta(2, 3, rows)])


def count(rows, unseen=0):
    """Counts of rows, of which so many that are null in colour had an unseen one."""
    return GRID.count(rows[:, :3], np.array([0, 0, unseen]), rows[:, 3])


def add_up(parts):
    total = GRID.make_empty()
    for part in parts:
        total.add(part)
    return total


def make_baseline(windows=40, *, ordered=True, change=lambda rows: rows, learned_at_ms=None):
    """A baseline of so many windows in blocks of a quarter, every block changed as the test likes."""
    blocks = [change(draw_rows(seed, BLOCK)) for seed in range(windows * ROWS // BLOCK)]
    everything = np.concatenate(blocks)
    means, deviations = np.nanmean(everything, axis=0), np.nanstd(everything, axis=0)
    means[COLOUR] = deviations[COLOUR] = 0
    counts = [count(block) for block in blocks]
    return Baseline(GRID, add_up(counts), means, deviations, counts if ordered else None, learned_at_ms)


def make_judge(baseline, *, relative_threshold=0.25):
    return DriftJudge(baseline, window_records=ROWS, relative_threshold=relative_threshold, false_alarm_windows=200)


def make_window(number, change=lambda rows: rows, unseen=0):
    """Window of rows that are not the baseline's, changed as the test likes; ends at its number."""
    return Window(count(change(draw_rows(10_000 + number)), unseen), number - 1, number)


def fill(axis, value):
    """All rows get a value."""

    def change(rows):
        rows = rows.copy()
        rows[:, axis] = value
        return rows

    return change


def shift(axis, by):
    """All rows get something more."""

    def change(rows):
        rows = rows.copy()
        rows[:, axis] += by
        return rows

    return change
