"""The promises of drift detection, kept on the flights; benchmarks/drift_rules.py has them beside other rules."""

from functools import cache

import numpy as np
import pytest

from benchmarks.drift_flights import FAULTS, WINDOW, cut, draw_days, load_drift_flights
from benchmarks.drift_rules import (
    FALSE_ALARM_WINDOWS,
    WINDOWS,
    count_alarms,
    detect_by_judge,
    find_delay,
    most_by_chance,
)
from scoreline.demo.flights import FEATURES
from scoreline.observability.drift.judge import DriftJudge

pytestmark = pytest.mark.slow


def score_by_delay(matrix):
    """In place of the model: a flight that departs late arrives late."""
    return 1 / (1 + np.exp(-(matrix[:, FEATURES.index("departure_delay")] - 15) / 10))


@cache
def load():
    flights = load_drift_flights(score_by_delay)
    judge = DriftJudge(
        flights.baseline, window_records=WINDOW, relative_threshold=0.25, false_alarm_windows=FALSE_ALARM_WINDOWS
    )
    return flights, judge


def test_days_of_the_training_alarm_no_more_often_than_asked():
    flights, judge = load()
    windows = draw_days(flights.training, WINDOWS, np.random.default_rng(3))
    false, _ = count_alarms(detect_by_judge(flights, judge), windows)
    assert false <= most_by_chance(WINDOWS, 1 / FALSE_ALARM_WINDOWS)


def test_the_training_as_it_came_alarms_nobody():
    flights, judge = load()
    assert count_alarms(detect_by_judge(flights, judge), cut(flights.training)) == (0, 0)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_raised_within_two_windows(fault):
    flights, judge = load()
    delays = {find_delay(detect_by_judge(flights, judge), flights, fault, seed) for seed in range(100, 105)}
    assert delays <= {1, 2}


def test_new_destinations_and_seasons_of_the_next_months_are_told():
    flights, judge = load()
    windows, _ = count_alarms(detect_by_judge(flights, judge), cut(flights.streamed))
    assert windows > 10
