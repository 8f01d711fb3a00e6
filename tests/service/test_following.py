"""One look at a time, whoever asks for it."""

import asyncio
import threading

import pytest

from scoreline.service.following import Follower, wait_for_next_look


class SlowReloader:
    def __init__(self):
        self.begun = []
        self.let_go = threading.Semaphore(0)

    def look(self, *, anew):
        self.begun.append(anew)
        number = len(self.begun)
        assert self.let_go.acquire(timeout=10)
        return f"look {number}"


def test_who_asks_during_a_look_joins_it_and_the_next_one_begins_another():
    reloader = SlowReloader()
    follower = Follower(reloader)
    first, joined = follower.look(), follower.look()
    assert first is joined
    reloader.let_go.release(2)
    assert first.result(10) == "look 1"
    assert follower.look().result(10) == "look 2"


def test_who_asks_for_a_new_look_gets_one_that_begins_after_that():
    """The one under way may have read the alias already; all who ask meanwhile share the next one."""
    reloader = SlowReloader()
    follower = Follower(reloader)
    first = follower.look()
    anew, again, usual = follower.look_anew(), follower.look_anew(), follower.look()
    assert anew is again is not first
    assert usual is first
    reloader.let_go.release(2)
    assert (first.result(10), anew.result(10)) == ("look 1", "look 2")
    assert reloader.begun == [False, True]


def test_all_looks_are_on_one_thread_and_one_that_fails_does_not_end_it():
    """What a version is loaded into is then used again for the next one."""
    threads = []

    class FailingReloader:
        def look(self, *, anew):
            threads.append(threading.get_ident())
            raise RuntimeError("an observer's own")

    follower = Follower(FailingReloader())
    for _ in range(3):
        with pytest.raises(RuntimeError, match="an observer's own"):
            follower.look().result(10)
    assert len(threads) == 3
    assert len(set(threads)) == 1


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
