from collections import Counter
from itertools import pairwise

from tests.torture.schedule import Dose, Kind, draw_schedule

DOSE = Dose(kills=20, visits=10, freezes=2, stops=3, broker_kills=4, faults=2)


def test_the_same_seed_gives_the_same_events_and_another_one_others():
    drawn = [draw_schedule(DOSE, seed, members=2) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_everything_happens_as_often_as_it_should():
    counts = Counter(event.kind for event in draw_schedule(DOSE, 5, members=2))
    assert counts == {
        Kind.KILL: 20,
        Kind.JOIN: 10,
        Kind.LEAVE: 10,
        Kind.FREEZE: 2,
        Kind.STOP: 3,
        Kind.BROKER_KILL: 4,
        Kind.BLACK_HOLE: 2,
        Kind.RESET: 2,
        Kind.LATENCY: 2,
    }


def test_a_visitor_leaves_before_the_next_one_joins():
    for seed in range(50):
        kinds = [e.kind for e in draw_schedule(DOSE, seed, members=2) if e.kind in (Kind.JOIN, Kind.LEAVE)]
        assert kinds == [Kind.JOIN, Kind.LEAVE] * 10


def test_each_broker_is_killed_in_turn():
    events = draw_schedule(Dose(broker_kills=6), 5, members=1, brokers=3)
    assert [event.target for event in events] == [0, 1, 2, 0, 1, 2]


def test_leaders_move_back_only_to_a_broker_that_was_just_killed():
    events = draw_schedule(Dose(broker_kills=6, elections=4), 5, members=1, brokers=3)
    kinds = [event.kind for event in events]
    assert Counter(kinds) == {Kind.BROKER_KILL: 6, Kind.ELECTION: 4}
    assert all(before is Kind.BROKER_KILL for before, kind in pairwise(kinds) if kind is Kind.ELECTION)


def test_freezes_outlast_a_session_and_some_outlast_a_transaction():
    lengths = {e.lasting_seconds for e in draw_schedule(Dose(freezes=20), 5, members=2)}
    assert min(lengths) > 3
    assert max(lengths) > 15


def test_some_kills_find_something_half_done_and_some_come_as_they_come():
    lengths = [e.lasting_seconds for e in draw_schedule(Dose(kills=40), 5, members=2)]
    assert 0 < lengths.count(0.0) < 40


def test_the_parts_of_a_dose_add_up_to_it():
    parts = DOSE.split(7)
    for name in DOSE.__slots__:
        assert sum(getattr(part, name) for part in parts) == getattr(DOSE, name)
    assert max(part.kills for part in parts) - min(part.kills for part in parts) <= 1


def test_most_kills_hit_members_that_take_part_and_all_freezes_do():
    events = draw_schedule(Dose(kills=40, freezes=5), 5, members=2)
    assert 20 < sum(e.settled for e in events if e.kind is Kind.KILL) < 40
    assert all(e.settled for e in events if e.kind is Kind.FREEZE)
