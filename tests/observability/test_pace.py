import pytest

from scoreline.observability.pace import RecentPace
from scoreline.observability.stats import Stats
from tests.observability.batches import Ticking, make_batch, make_records, make_request


@pytest.fixture
def clock():
    return Ticking()


@pytest.fixture
def stats():
    return Stats()


def test_a_pace_is_what_was_done_in_the_time_over_that_time(stats, clock):
    pace = RecentPace(stats, ["stream", "http", "jobs"], clock=clock)
    stats.batch_scored(make_batch(make_records(500)))
    clock.now += 5
    found = pace.read()
    assert list(found) == ["stream", "http", "jobs"]
    assert found["stream"].per_second("records") == 100
    assert found["stream"].latency["p50_seconds"] == pytest.approx(0.02, rel=0.02)
    assert found["http"].per_second("requests") == 0


def test_what_was_done_longer_ago_than_ten_seconds_is_forgotten(stats, clock):
    pace = RecentPace(stats, ["stream"], clock=clock)
    stats.batch_scored(make_batch(make_records(500)))
    for _ in range(20):
        clock.now += 1
        found = pace.read()["stream"]
    assert found.seconds == 10
    assert found.counts["records"] == 0
    assert len(pace._samples) <= 12


def test_two_readers_see_the_same_however_often_each_reads(stats, clock):
    pace, alone = RecentPace(stats, ["stream"], clock=clock), RecentPace(stats, ["stream"], clock=clock)
    for _ in range(15):
        stats.batch_scored(make_batch(make_records(10)))
        clock.now += 1
        for _ in range(5):
            read = pace.read()
        assert read == alone.read()


def test_where_nobody_reads_ticks_keep_the_span_short(stats, clock):
    pace = RecentPace(stats, ["stream"], clock=clock)
    for _ in range(360):
        clock.now += 10
        pace.tick()
    clock.now += 3
    assert pace.read()["stream"].seconds == 13


def test_a_moment_without_duration_has_no_pace(stats, clock):
    assert RecentPace(stats, ["http"], clock=clock).read()["http"].per_second("requests") == 0


def test_requests_that_only_watch_do_not_count_and_failures_are_those_of_the_service(stats, clock):
    pace = RecentPace(stats, ["http"], but={"/status"}, clock=clock)
    for route, status in (("/status", 503), ("/status", 304), ("/predict", 422), ("/predict", 503), ("/predict", 200)):
        stats.request_served(make_request(route=route, status=status))
    clock.now += 1
    counts = pace.read()["http"].counts
    assert (counts["requests"], counts["errors"], counts["failures"]) == (3, 2, 1)
