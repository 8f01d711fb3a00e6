"""One look at a time, whoever asks for it."""

import threading

import pytest

from scoreline.service.following import Follower


class SlowReloader:
    def __init__(self):
        self.begun = 0
        self.let_go = threading.Event()

    def look(self):
        self.begun += 1
        assert self.let_go.wait(10)
        return f"look {self.begun}"


def test_who_asks_during_a_look_joins_it_and_the_next_one_begins_another():
    reloader = SlowReloader()
    follower = Follower(reloader)
    first, joined = follower.look(), follower.look()
    assert first is joined
    reloader.let_go.set()
    assert first.result(10) == "look 1"
    assert follower.look().result(10) == "look 2"


def test_all_looks_are_on_one_thread_and_one_that_fails_does_not_end_it():
    """What a version is loaded into is then used again for the next one."""
    threads = []

    class FailingReloader:
        def look(self):
            threads.append(threading.get_ident())
            raise RuntimeError("an observer's own")

    follower = Follower(FailingReloader())
    for _ in range(3):
        with pytest.raises(RuntimeError, match="an observer's own"):
            follower.look().result(10)
    assert len(threads) == 3
    assert len(set(threads)) == 1
