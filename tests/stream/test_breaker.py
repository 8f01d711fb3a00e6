"""The breaker: what it counts, when it trips, what resets it."""

import random

import pytest

from scoreline.errors import TooManyDeadLetters
from scoreline.records import DeadLetter, Reason
from scoreline.stream.breaker import LEAST_RECORDS, Breaker
from scoreline.transport.record import StoredRecord

RECORDS = tuple(StoredRecord("features", 0, n, value_=b"v") for n in range(5000))


def make_batch(flags, reason=Reason.UNDECODABLE):
    """Records, and dead letters where a flag is true."""
    records = RECORDS[: len(flags)]
    assert len(records) == len(flags)
    return records, [DeadLetter(r, reason, "why") for r, dead in zip(records, flags, strict=True) if dead]


def trips(breaker, flags):
    try:
        breaker.judge(*make_batch(flags))
    except TooManyDeadLetters:
        return True
    return False


def record(breaker, flags):
    breaker.record(*make_batch(flags), 0)


def test_it_trips_over_the_ratio_and_not_at_it():
    breaker = Breaker(0.5, 1000)
    assert not trips(breaker, [True, False] * 100)
    assert trips(breaker, [True, False] * 100 + [True])


def test_of_a_few_records_it_says_nothing():
    breaker = Breaker(0.5, 1000)
    assert not trips(breaker, [True] * (LEAST_RECORDS - 1))
    assert trips(breaker, [True] * LEAST_RECORDS)


def test_good_records_before_weigh_against_bad_ones():
    breaker = Breaker(0.5, 1000)
    record(breaker, [False] * 300)
    assert not trips(breaker, [True] * 300)
    assert trips(breaker, [True] * 301)


def test_only_the_window_counts():
    breaker = Breaker(0.5, 200)
    record(breaker, [False] * 5000)
    assert trips(breaker, [True] * 101)


def test_what_was_judged_counts_only_once_it_is_recorded():
    breaker = Breaker(0.5, 1000)
    for _ in range(5):
        assert trips(breaker, [True] * 150)
    assert not trips(breaker, [False] * 150)


def test_tombstones_are_not_counted():
    breaker = Breaker(0.5, 1000)
    tombstones = [StoredRecord("features", 0, n, value_=None) for n in range(500)]
    letters = [DeadLetter(r, Reason.TOMBSTONE, "no value") for r in tombstones]
    breaker.judge(tombstones, letters)
    breaker.record(tombstones, letters, 500)
    assert trips(breaker, [True] * 100)


def test_skipped_tombstones_of_a_good_batch_are_not_counted():
    breaker = Breaker(0.5, 1000)
    records, _ = make_batch([False] * 10)
    breaker.record([*records, *[StoredRecord(value_=None)] * 490], [], 490)
    assert trips(breaker, [True] * 100)


def test_a_ratio_of_one_never_trips():
    assert not trips(Breaker(1.0, 1000), [True] * 5000)


def test_after_a_resume_a_window_passes_and_then_it_judges_again():
    breaker = Breaker(0.5, 300)
    assert trips(breaker, [True] * 150)
    breaker.let_pass()
    assert breaker.lets_pass()
    for _ in range(2):
        assert not trips(breaker, [True] * 150)
        record(breaker, [True] * 150)
    assert not breaker.lets_pass()
    assert trips(breaker, [True] * 150)


def test_it_names_numbers_the_most_frequent_reason_and_a_position_but_no_value():
    records, letters = make_batch([True] * 120, Reason.UNKNOWN_SCHEMA)
    with pytest.raises(TooManyDeadLetters) as told:
        Breaker(0.25, 1000).judge(records, letters)
    assert "120 of the last 120" in str(told.value)
    assert "unknown_schema, such as features[0] offset 0" in str(told.value)
    assert "/stream/resume" in str(told.value)
    assert "why" not in str(told.value)


@pytest.mark.parametrize("seed", range(30))
def test_it_agrees_with_counting_the_last_records_one_by_one(seed):
    """The oracle: a list of everything, of which the end is looked at."""
    rng = random.Random(seed)
    window = rng.choice([100, 137, 500])
    limit = rng.choice([0.1, 0.3, 0.5])
    breaker, everything = Breaker(limit, window), []
    for _ in range(40):
        share = rng.choice([0.0, 0.0, 0.05, 0.3, 0.9])
        flags = [rng.random() < share for _ in range(rng.randint(1, 400))]
        last = [*everything, *flags][-window:]
        assert trips(breaker, flags) == (any(flags) and len(last) >= LEAST_RECORDS and sum(last) > limit * len(last))
        record(breaker, flags)
        everything += flags
