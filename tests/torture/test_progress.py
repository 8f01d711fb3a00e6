import pytest

from tests.torture.outcome import Outcome
from tests.torture.progress import FORMS, Progress, choose_form

CHAPTERS = FORMS["three-brokers"].chapters


@pytest.fixture
def open_progress(tmp_path):
    def open_progress(*, seed=None, new_seed=1):
        return Progress(
            tmp_path / "run",
            form="three-brokers",
            delivery="at-least-once",
            protocol="classic",
            seed=seed,
            new_seed=new_seed,
        )

    return open_progress


def test_a_run_that_was_interrupted_goes_on_with_its_seed_and_what_is_left(open_progress):
    first = open_progress(new_seed=1)
    first.keep(1, Outcome(records=5, silences={"join": 1.5}))
    again = open_progress(new_seed=2)
    assert again.plan.seed == 1
    assert again.left == [number for number in range(CHAPTERS) if number != 1]
    assert again.outcomes == {1: Outcome(records=5, silences={"join": 1.5})}


def test_another_seed_begins_anew_and_the_same_one_goes_on(open_progress):
    open_progress(seed=7).keep(0, Outcome(records=5))
    assert 0 not in open_progress(seed=7).left
    assert 0 in open_progress(seed=8).left


def test_a_complete_run_makes_room_for_the_next_even_under_its_own_seed(open_progress):
    done = open_progress(new_seed=1)
    for number in range(CHAPTERS):
        done.keep(number, Outcome(records=1))
    assert not done.left
    assert open_progress(seed=1).left == list(range(CHAPTERS))
    for number in range(CHAPTERS):
        done.keep(number, Outcome(records=1))
    assert open_progress(new_seed=3).plan.seed == 3


def test_what_a_chapter_said_before_it_was_interrupted_is_gone(open_progress):
    progress = open_progress()
    (progress.chapter_folder(0) / "member-0.jsonl").write_text("{}")
    assert not list(progress.chapter_folder(0).iterdir())


def test_the_full_dose_is_for_exactly_once_under_the_default_protocol():
    full = choose_form("members", "exactly-once", "classic").dose
    assert (full.kills, full.visits, full.freezes, full.broker_kills) == (100, 50, 10, 10)
    assert all(
        choose_form("members", delivery, protocol).dose.kills == 20
        for delivery, protocol in (("exactly-once", "consumer"), ("at-least-once", "classic"))
    )
