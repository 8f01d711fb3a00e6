import pytest

from scoreline.testing.silences import Silence
from tests.torture.outcome import Outcome, add_up, describe, find_longest_silences, find_violations


@pytest.mark.parametrize("trouble", ["lost", "disordered", "wrong", "unread"])
def test_whatever_is_lost_disordered_or_wrong_is_a_violation_of_both_promises(trouble):
    outcome = Outcome(records=10, **{trouble: 1})
    assert all(len(find_violations(outcome, delivery)) == 1 for delivery in ("at-least-once", "exactly-once"))


def test_a_double_is_a_violation_of_exactly_once_alone():
    outcome = Outcome(records=10, doubled=2)
    assert not find_violations(outcome, "at-least-once")
    assert find_violations(outcome, "exactly-once") == ["2 records were doubled"]


def test_a_fenced_member_may_end_with_1_and_any_other_end_is_a_crash():
    assert not find_violations(Outcome(records=1, exit_codes=[1, 1]), "exactly-once")
    assert find_violations(Outcome(records=1, exit_codes=[1, -11]), "exactly-once") == ["1 members crashed"]
    assert find_violations(Outcome(records=1, exit_codes=[1]), "at-least-once") == ["1 members ended by themselves"]


def test_a_stop_that_does_not_end_with_0_is_a_violation():
    assert find_violations(Outcome(records=1, stop_codes=[0, 1]), "at-least-once") == ["1 stops did not end with 0"]


def test_a_silence_belongs_to_what_had_happened_last_before_it_began():
    moments = [(10.0, "kill -9"), (20.0, "join")]
    silences = [Silence(0, 9.9, 13.0), Silence(1, 12.0, 13.0), Silence(0, 21.0, 21.5), Silence(0, 1.0, 1.5)]
    assert find_longest_silences(silences, moments) == pytest.approx({"kill -9": 3.1, "join": 0.5, "nothing": 0.5})


def test_chapters_add_up():
    first = Outcome(records=10, aborted=3, events={"join": 1}, silences={"join": 2.0}, stop_codes=[0])
    second = Outcome(records=5, aborted=1, events={"join": 2, "leave": 1}, silences={"join": 1.0}, stop_codes=[0, 0])
    total = add_up([first, second])
    assert (total.records, total.aborted, total.stop_codes) == (15, 4, [0, 0, 0])
    assert total.events == {"join": 3, "leave": 1}
    assert total.silences == {"join": 2.0}
    assert any(line.split() == ["join", "3", "2.0", "s"] for line in describe(total))
