"""Mistakes that someone might make, each of which the simulation finds within a bounded number of seeds."""

from itertools import product

import pytest

from scoreline.testing.simulation import MODES, run_schedule
from tests.simulation.mutants import AT_LEAST_ONCE, EITHER, EXACTLY_ONCE, HalvesInReverse

SEEDS = 1000
"""For each mode; the rarest of these mistakes shows in about one schedule of 250."""


def is_found(make, modes):
    return any(run_schedule(seed, mode, make).finding for seed, mode in product(range(SEEDS), modes))


def modes_of(*, exactly_once):
    return [mode for mode in MODES if mode.exactly_once is exactly_once]


@pytest.mark.slow
@pytest.mark.parametrize("name", AT_LEAST_ONCE)
def test_a_mistake_in_delivering_at_least_once_is_found(name):
    assert is_found(AT_LEAST_ONCE[name], modes_of(exactly_once=False))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACTLY_ONCE)
def test_a_mistake_in_delivering_exactly_once_is_found(name):
    assert is_found(EXACTLY_ONCE[name], modes_of(exactly_once=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", EITHER)
def test_a_mistake_in_the_loop_its_recovery_or_its_source_is_found(name):
    assert is_found(EITHER[name], modes_of(exactly_once=True))


@pytest.mark.slow
def test_halves_that_are_finished_out_of_order_are_found(monkeypatch):
    monkeypatch.setattr("scoreline.stream.loop.Slice", HalvesInReverse)
    assert is_found(None, MODES)
