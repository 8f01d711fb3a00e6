from scoreline.observability.repeats import Repeats
from tests.observability.batches import Ticking


def test_the_first_time_is_reported_at_once_and_the_next_ones_after_the_interval():
    clock = Ticking()
    repeats = Repeats(clock, interval_seconds=10)
    assert repeats.count("a") == 1
    clock.now += 9.9
    assert repeats.count("a", 4) == 0
    clock.now += 0.1
    assert repeats.count("a") == 5


def test_keys_do_not_silence_each_other():
    repeats = Repeats(Ticking())
    assert repeats.count("a", 2) == 2
    assert repeats.count("b", 3) == 3


def test_what_was_held_back_is_due_after_the_interval_even_when_nothing_more_happens():
    clock = Ticking()
    repeats = Repeats(clock, interval_seconds=10)
    repeats.count("a")
    repeats.count("a", 7)
    assert list(repeats.due()) == []
    clock.now += 10
    assert list(repeats.due()) == [("a", 7)]
    assert list(repeats.due()) == []


def test_after_a_quiet_interval_the_next_time_is_a_first_time_again():
    clock = Ticking()
    repeats = Repeats(clock, interval_seconds=10)
    repeats.count("a")
    clock.now += 10
    assert list(repeats.due()) == []
    assert repeats.count("a") == 1


def test_everything_that_happened_is_reported_once():
    clock = Ticking()
    repeats = Repeats(clock, interval_seconds=10)
    reported = 0
    for i in range(1000):
        clock.now += 0.37
        reported += repeats.count(i % 3)
        if i % 5 == 0:
            reported += sum(count for _, count in repeats.due())
    clock.now += 10
    assert reported + sum(count for _, count in repeats.due()) == 1000
