"""Whom drift detection calls, and when: the judge beside three rules that others have, on the same windows of flights.

python -m benchmarks.drift_rules

Two streams of windows of 4,096 flights: days of the training half, drawn at random with their flights in order, on
which whoever is called is called for nothing; and July to December as they came, which are not the training's months.
Into the first, faults are put a third into a window. The scores of the model stay as they were, so that only the
feature itself tells. Counts are exact and the same on every machine.

Uncalibrated, the judge has a baseline whose rows are in no order. The other rules: PSI over 0.2 on tenths of the
training's values, and on categories; Kolmogorov-Smirnov with p < 0.05 on the bins of the grid; a mean of the last 4
windows that is a quarter of the baseline's mean, or deviation, away.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import lightgbm as lgb
import numpy as np

from benchmarks.bounds import Bounds
from benchmarks.drift_flights import (
    BEGIN,
    FAULTS,
    WINDOW,
    DriftFlights,
    Rows,
    add_fault,
    add_up,
    cut,
    draw_days,
    load_drift_flights,
)
from benchmarks.flights import train_elsewhere
from scoreline.models.baseline.axes import NumericAxis
from scoreline.observability.drift.judge import DriftJudge
from scoreline.observability.drift.lengths import History
from scoreline.observability.drift.rules import PLAIN_WINDOWS, check_means
from scoreline.observability.drift.states import State, Window
from scoreline.observability.drift.statistics import find_ks, lay_out

WINDOWS = 300
SEEDS = 20
FALSE_ALARM_WINDOWS = 200
RELATIVE = 0.25
PSI_LIMIT, TENTHS, LEAST_SHARE = 0.2, 10, 1e-4
KS_LIMIT = 1.3581
"""Times the root of (n + m) / nm: above it, p is below 0.05."""

MOST_CALIBRATION_SECONDS = 2.0
MOST_JUDGING_MS = 2.0

Detector = Callable[[Rows], set[str]]
"""Takes the next window of a stream, and names the features and outputs that it calls somebody for."""


def detect_by_judge(flights: DriftFlights, judge: DriftJudge) -> Detector:
    judge.reset()
    grid = flights.baseline.grid

    def take(rows: Rows) -> set[str]:
        parts = rows.count(grid)
        alarmed = set()
        for part in parts:
            alarmed |= {change.name for change in judge.look(Window(part, 0, 0)) if change.state is State.DRIFT}
        judge.judge(Window(add_up(grid, parts), 0, 0))
        return alarmed | {axis.name for axis in judge.read().axes if axis.state is State.DRIFT}

    return take


def detect_by_means(flights: DriftFlights) -> Detector:
    history, baseline, layout = History(), flights.baseline, lay_out(flights.baseline.grid)

    def take(rows: Rows) -> set[str]:
        history.add(add_up(baseline.grid, rows.count(baseline.grid)))
        last = history.take(PLAIN_WINDOWS)
        check = check_means(layout, last, PLAIN_WINDOWS, baseline, RELATIVE, State.DRIFT)
        return {baseline.grid.names[axis] for axis in np.flatnonzero(check.ratios > 1)}

    return take


def detect_by_ks(flights: DriftFlights) -> Detector:
    baseline, layout = flights.baseline, lay_out(flights.baseline.grid)

    def take(rows: Rows) -> set[str]:
        counts = add_up(baseline.grid, rows.count(baseline.grid))
        ours, theirs = (
            np.add.reduceat(bins, layout.first) - bins[layout.missing] for bins in (counts.bins, baseline.total.bins)
        )
        limits = KS_LIMIT * np.sqrt((ours + theirs) / np.maximum(ours * theirs, 1))
        exceeded = find_ks(layout, counts.bins, baseline.total.bins) > limits
        return {baseline.grid.names[axis] for axis in layout.numeric if exceeded[axis]}

    return take


def detect_by_psi(flights: DriftFlights) -> Detector:
    axes = flights.baseline.grid.axes
    training = _columns(flights.training)
    tenths = [np.unique(np.nanquantile(column, np.linspace(0.1, 0.9, TENTHS - 1))) for column in training]

    def split(column, axis: int):
        numeric = isinstance(axes[axis], NumericAxis)
        bins = np.searchsorted(tenths[axis], column) if numeric else np.nan_to_num(column, nan=-1).astype(int) + 1
        size = TENTHS + 1 if numeric else axes[axis].size
        shares = np.bincount(np.where(np.isnan(column), size, bins), minlength=size + 1) / len(column)
        return np.maximum(shares, LEAST_SHARE)

    expected = [split(column, axis) for axis, column in enumerate(training)]

    def take(rows: Rows) -> set[str]:
        found = set()
        for axis, column in enumerate(_columns(rows)):
            ours = split(column, axis)
            if ((ours - expected[axis]) * np.log(ours / expected[axis])).sum() > PSI_LIMIT:
                found.add(axes[axis].name)
        return found

    return take


def _columns(rows: Rows):
    return [*rows.matrix.T, rows.scores]


def count_alarms(detector: Detector, windows: Iterable[Rows]) -> tuple[int, int]:
    """Windows with an alarm, and how many features and outputs are called out in a window on average, in hundredths."""
    found = [len(detector(rows)) for rows in windows]
    return sum(n > 0 for n in found), round(100 * sum(found) / len(found))


def find_delay(detector: Detector, flights: DriftFlights, fault: str, seed: int) -> float:
    """Windows until the feature with the fault is called out, the one that it begins in being the first.

    0 where it was called out in the window before, when nothing was wrong with it.
    """
    rng = np.random.default_rng(seed)
    feature = FAULTS[fault][0]
    for number, rows in enumerate(draw_days(flights.training, 5, rng), start=-1):
        changed = add_fault(fault, rows, BEGIN if number == 1 else 0, rng) if number >= 1 else rows
        called = feature in detector(changed)
        if number >= 0 and called:
            return number
    return math.inf


def most_by_chance(windows: int, chance: float, sure: float = 0.99) -> int:
    """As many as stay under a binomial bound."""
    total = 0.0
    for count in range(windows + 1):
        total += math.comb(windows, count) * chance**count * (1 - chance) ** (windows - count)
        if total >= sure:
            return count
    return windows


def tell_months(detectors: Mapping[str, Callable[[], Detector]], streamed: Rows) -> None:
    """What each rule calls out of the stream as it came, by the month that a window begins in."""
    for name, make in detectors.items():
        detector = make()
        months: dict[int, list[set[str]]] = {}
        for rows in cut(streamed):
            months.setdefault(int(rows.month[0]), []).append(detector(rows))
        print(f"\n{name}, July to December")
        for month, found in months.items():
            counts = {axis: sum(axis in called for called in found) for axis in sorted(set().union(*found))}
            print(f"  {month:>2}: of {len(found)} windows {sum(map(bool, found))};", counts)


def main() -> None:
    booster = lgb.Booster(model_str=train_elsewhere(200, 63))
    flights = load_drift_flights(lambda matrix: np.asarray(booster.predict(matrix, num_threads=1)))
    bounds = Bounds()
    began = time.process_time()
    judge = DriftJudge(
        flights.baseline,
        window_records=WINDOW,
        relative_threshold=RELATIVE,
        false_alarm_windows=FALSE_ALARM_WINDOWS,
    )
    bounds.at_most("calibration, CPU seconds", time.process_time() - began, MOST_CALIBRATION_SECONDS)
    bounds.at_most("judging a window, milliseconds", measure_judging(flights, judge), MOST_JUDGING_MS)

    unordered = DriftJudge(
        replace(flights.baseline, blocks=None),
        window_records=WINDOW,
        relative_threshold=RELATIVE,
        false_alarm_windows=FALSE_ALARM_WINDOWS,
    )
    detectors: dict[str, Callable[[], Detector]] = {
        "the judge": lambda: detect_by_judge(flights, judge),
        "the judge, uncalibrated": lambda: detect_by_judge(flights, unordered),
        "PSI > 0.2": lambda: detect_by_psi(flights),
        "KS p < 0.05": lambda: detect_by_ks(flights),
        "relative mean": lambda: detect_by_means(flights),
    }
    most = most_by_chance(WINDOWS, 1 / FALSE_ALARM_WINDOWS)
    for name, make in detectors.items():
        days = draw_days(flights.training, WINDOWS, np.random.default_rng(0))
        false, called = count_alarms(make(), days)
        contiguous, _ = count_alarms(make(), cut(flights.training))
        print(
            f"\n{name}: {false} of {WINDOWS} windows of the training's days, {called / 100} called a window; ", end=""
        )
        print(f"{contiguous} of {len(flights.training) // WINDOW} of the training as it came")
        delays = {fault: [find_delay(make(), flights, fault, seed) for seed in range(SEEDS)] for fault in FAULTS}
        for fault, found in delays.items():
            counts = {str(delay): found.count(delay) for delay in sorted(set(found))}
            print(f"  {fault}: windows until raised, and seeds: {counts}")
        if name == "the judge":
            bounds.at_most(f"windows of {WINDOWS} with a false alarm", false, most)
            bounds.at_most("of the training as it came", contiguous, most)
            bounds.at_least("windows until the first fault is raised", min(map(min, delays.values())), 1)
            bounds.at_most("windows until the last fault is raised", max(map(max, delays.values())), 2)
    tell_months(detectors, flights.streamed)
    bounds.conclude()


def measure_judging(flights: DriftFlights, judge: DriftJudge) -> float:
    """Median milliseconds of CPU, with all lengths that there are."""
    grid = flights.baseline.grid
    windows = [Window(add_up(grid, rows.count(grid)), 0, 0) for rows in cut(flights.training)]
    found = []
    for window in windows:
        began = time.process_time()
        judge.judge(window)
        found.append((time.process_time() - began) * 1e3)
    return float(np.median(found[len(found) // 2 :]))


if __name__ == "__main__":
    main()
