"""One look at a time, whoever asks for it."""

import threading

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
