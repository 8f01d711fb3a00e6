import asyncio
import threading

import pytest

from scoreline.errors import Unavailable
from scoreline.http.pages.status.listing import KEPT_SECONDS, RecentListing
from scoreline.http.pool import BoundedPool
from tests.http.pages.pictures import make_models
from tests.observability.batches import Ticking


class Store:
    """Answers, fails, or waits until it is released."""

    def __init__(self):
        self.asked, self.error = 0, None
        self.answers = threading.Event()
        self.answers.set()
        self.is_asked = threading.Event()

    def ask(self):
        self.asked += 1
        self.is_asked.set()
        assert self.answers.wait(5)
        if self.error is not None:
            raise self.error
        return make_models()


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def clock():
    return Ticking()


@pytest.fixture
def listing(store, clock):
    pool = BoundedPool("store", threads=1, max_pending=1, timeout_seconds=0.01)
    yield RecentListing(store.ask, pool, clock)
    store.answers.set()
    pool.close()


@pytest.fixture
def patient_listing(store, clock):
    pool = BoundedPool("store", threads=1, max_pending=1, timeout_seconds=5)
    yield RecentListing(store.ask, pool, clock)
    store.answers.set()
    pool.close()


async def test_the_store_is_asked_at_most_every_ten_seconds(patient_listing, store, clock):
    assert await patient_listing.read() == make_models()
    clock.now += KEPT_SECONDS - 0.1
    await patient_listing.read()
    assert store.asked == 1
    clock.now += 0.1
    await patient_listing.read()
    assert store.asked == 2


async def test_while_it_is_away_what_it_said_last_is_told_with_the_reason(patient_listing, store, clock):
    await patient_listing.read()
    store.error = Unavailable("the store is away")
    clock.now += KEPT_SECONDS
    assert await patient_listing.read() == {**make_models(), "problem": "the store is away"}


async def test_what_nobody_has_foreseen_is_told_and_logged_too(patient_listing, store, clock, caplog):
    await patient_listing.read()
    store.error = OSError(24, "Too many open files")
    clock.now += KEPT_SECONDS
    problem = "OSError: [Errno 24] Too many open files"
    assert await patient_listing.read() == {**make_models(), "problem": problem}
    assert [vars(record)["event"] for record in caplog.records] == ["model_listing_failed"]


async def test_the_page_is_there_before_a_first_answer_that_failed(patient_listing, store):
    store.error = OSError(24, "Too many open files")
    assert await patient_listing.read() is None


async def test_an_answer_that_nobody_waits_for_any_more_is_taken_all_the_same(patient_listing, store, caplog):
    store.answers.clear()
    store.error = OSError(24, "Too many open files")
    asking = asyncio.create_task(patient_listing.read())
    await asyncio.to_thread(store.is_asked.wait, 5)
    asking.cancel()
    await asyncio.wait([asking])
    (task,) = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
    store.answers.set()
    await asyncio.wait([task])
    assert [vars(record)["event"] for record in caplog.records] == ["model_listing_failed"]


async def test_nobody_waits_for_a_store_that_does_not_answer(listing, store, clock):
    store.answers.clear()
    assert await listing.read() is None
    clock.now += KEPT_SECONDS
    assert await listing.read() is None
    assert store.asked == 1
