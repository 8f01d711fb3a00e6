"""Delays between tries of the same thing."""

import random

from scoreline.transport.backoff import Backoff


def make_backoff(seed=1):
    return Backoff(first_seconds=0.2, limit_seconds=30.0, rng=random.Random(seed))


def test_every_delay_lies_between_a_quarter_of_its_bound_and_the_bound():
    for seed in range(50):
        backoff = make_backoff(seed)
        for failure in range(12):
            bound = min(30.0, 0.2 * 2**failure)
            assert bound / 4 <= backoff.next_seconds() <= bound


def test_delays_never_grow_over_the_limit_even_after_a_million_failures():
    backoff = make_backoff()
    backoff.failures = 1_000_000
    assert backoff.next_seconds() <= 30.0


def test_a_success_makes_the_next_delay_a_first_one():
    backoff = make_backoff()
    for _ in range(10):
        backoff.next_seconds()
    backoff.reset()
    assert backoff.next_seconds() <= 0.2


def test_two_members_do_not_come_back_in_step():
    assert make_backoff(1).next_seconds() != make_backoff(2).next_seconds()
