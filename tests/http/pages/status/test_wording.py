import pytest

from scoreline.http.pages.status import wording


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, wording.UNKNOWN),
        (0.0, "0 s"),
        (0.0000123, "12.3 µs"),
        (0.0123, "12.3 ms"),
        (1.0, "1 s"),
        (59.94, "59.9 s"),
        (432.0, "7.2 min"),
        (7200.0, "2 h"),
        (3_600_000.0, "1,000 h"),
    ],
)
def test_a_duration_is_told_in_the_unit_that_suits_it(seconds, said):
    assert wording.say_seconds(seconds) == said


@pytest.mark.parametrize(("value", "said"), [(0.0, "0"), (0.1234, "0.123"), (1234.5, "1,234"), (1e12, "1e+12")])
def test_a_number_has_three_digits(value, said):
    assert wording.say_number(value) == said


@pytest.mark.parametrize(("count", "said"), [(0, "0 jobs"), (1, "1 job"), (1200, "1,200 jobs")])
def test_one_is_not_many(count, said):
    assert wording.say_many(count, "job", "jobs") == said


def test_a_state_that_nobody_has_heard_of_is_shown_as_it_is():
    assert "○</span> odd one" in wording.say_state("odd_one")
