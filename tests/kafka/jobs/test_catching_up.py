"""Who waits for what was acknowledged, without a broker."""

import pytest

from scoreline.errors import DependencyError, Unavailable
from scoreline.kafka.jobs.catching_up import QUESTION_SECONDS, CatchingUp


class Scene:
    """The ends are told when the test says so."""

    def __init__(self, trouble=None):
        self.now = 0.0
        self.asked = []
        self.catching_up = CatchingUp(self.asked.append, seconds=4.0, explain=lambda: trouble, clock=lambda: self.now)


def test_everyone_goes_once_every_partition_is_read_to_where_it_ended_when_they_asked():
    scene = Scene()
    waiting = scene.catching_up.wait()
    scene.asked.pop()({0: 5, 1: 0, 2: 3})
    scene.catching_up.read(0, 5)
    scene.catching_up.settle()
    assert not waiting.done()
    scene.catching_up.read(2, 4)
    scene.catching_up.settle()
    assert waiting.result(0) is None


def test_what_has_been_read_already_keeps_nobody():
    scene = Scene()
    scene.catching_up.read(0, 7)
    waiting = scene.catching_up.wait()
    scene.asked.pop()({0: 7})
    assert waiting.done()


def test_who_comes_while_a_question_is_under_way_has_one_of_its_own():
    """The ends that are being told may have been found before the later caller's record was acknowledged."""
    scene = Scene()
    first, second, third = (scene.catching_up.wait() for _ in range(3))
    assert len(scene.asked) == 1
    scene.catching_up.read(0, 5)
    scene.asked.pop()({0: 5})
    assert (first.done(), second.done(), third.done()) == (True, False, False)
    scene.asked.pop()({0: 6})
    assert not scene.asked, "both of them were served by one"
    scene.catching_up.read(0, 6)
    scene.catching_up.settle()
    assert second.done()
    assert third.done()


@pytest.mark.parametrize(
    ("trouble", "told"), [(None, "2 are left, or hidden behind a transaction"), ("the broker is away", "is away")]
)
def test_who_waits_too_long_is_told_why(trouble, told):
    scene = Scene(trouble)
    waiting = scene.catching_up.wait()
    scene.asked.pop()({0: 5})
    scene.catching_up.read(0, 3)
    scene.now = 3.9
    scene.catching_up.settle()
    assert not waiting.done()
    scene.now = 4.0
    scene.catching_up.settle()
    with pytest.raises(Unavailable, match=told):
        waiting.result(0)


def test_a_question_without_an_answer_fails_those_who_wait_for_it_and_the_next_is_asked():
    scene = Scene()
    first, second = scene.catching_up.wait(), scene.catching_up.wait()
    scene.asked.pop()(DependencyError("the topic does not exist"))
    with pytest.raises(Unavailable, match="does not exist"):
        first.result(0)
    scene.asked.pop()({})
    assert second.result(0) is None


def test_who_has_given_up_disturbs_nobody():
    scene = Scene()
    first, second = scene.catching_up.wait(), scene.catching_up.wait()
    first.cancel()
    scene.asked.pop()({0: 0})
    scene.asked.pop()({0: 0})
    assert second.result(0) is None


def test_partitions_that_an_answer_has_told_of_are_known():
    scene = Scene()
    scene.catching_up.wait()
    scene.asked.pop()({0: 1, 1: 1, 2: 1})
    assert scene.catching_up.partitions == 3


def test_a_question_that_nobody_answers_keeps_neither_those_who_asked_nor_those_who_come_later():
    scene = Scene()
    first, second = scene.catching_up.wait(), scene.catching_up.wait()
    scene.now = 4.0
    scene.catching_up.settle()
    for late in (first, second):
        with pytest.raises(Unavailable, match="no broker has answered"):
            late.result(0)
    (unanswered,) = scene.asked
    scene.now = 7.0
    third = scene.catching_up.wait()
    scene.now = QUESTION_SECONDS
    scene.catching_up.settle()
    assert len(scene.asked) == 2, "the next is asked once the first is given up"
    unanswered({0: 9})
    assert not third.done(), "and an answer that comes after all is nobody's"
    scene.asked[1]({0: 0})
    assert third.result(0) is None


def test_a_question_that_cannot_be_put_fails_those_who_ask_and_not_the_next(caplog):
    obstacles = [RuntimeError("the client is closed")]
    asked = []

    def ask(tell):
        if obstacles:
            raise obstacles.pop()
        asked.append(tell)

    catching_up = CatchingUp(ask, seconds=4.0, explain=lambda: None, clock=lambda: 0.0)
    with pytest.raises(Unavailable, match="the client is closed"):
        catching_up.wait().result(0)
    assert [vars(record)["event"] for record in caplog.records] == ["job_events_unasked"]
    later = catching_up.wait()
    asked.pop()({})
    assert later.result(0) is None
