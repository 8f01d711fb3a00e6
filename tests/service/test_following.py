"""One look at a time, whoever asks for it."""

import asyncio
import threading

import pytest

from scoreline.service.following import Follower, wait_for_next_look


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


def test_a_look_comes_soon_while_the_store_is_away_although_looks_are_rare():
    """Only a look finds out that it is back."""
    answers = iter([False, False, True])

    async def wait():
        await wait_for_next_look(asyncio.Event(), 3600, is_away=lambda: next(answers), longest_unseen_seconds=0.001)

    asyncio.run(asyncio.wait_for(wait(), 10))
    with pytest.raises(StopIteration):
        next(answers)


def test_a_look_comes_when_it_is_due_or_asked_for():
    async def wait():
        wake = asyncio.Event()
        await wait_for_next_look(wake, 0.005, is_away=lambda: False, longest_unseen_seconds=0.002)
        wake.set()
        await wait_for_next_look(wake, 3600, is_away=lambda: False)

    asyncio.run(asyncio.wait_for(wait(), 10))
