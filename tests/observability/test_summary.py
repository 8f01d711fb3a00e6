"""The ten-second summary of each role."""

import logging

import pytest

from scoreline.errors import DeliveryError
from scoreline.observability.stats import Stats
from scoreline.observability.summary import Summary
from tests.observability.batches import Ticking, make_batch, make_letter, make_records, make_request


@pytest.fixture(autouse=True)
def _level(caplog):
    caplog.set_level(logging.INFO, "scoreline.summary")


def make_summary(*roles: str) -> tuple[Stats, Summary, Ticking]:
    clock = Ticking()
    stats = Stats(clock)
    return stats, Summary(stats, roles, clock), clock


def test_each_role_has_one_line_about_the_time_since_the_last(caplog):
    stats, summary, clock = make_summary("http", "stream")
    records = make_records(100, age_ms=30)
    stats.batch_scored(make_batch(records, positions={4: range(99)}, dead_letters=[make_letter(records[99])]))
    stats.batch_rolled_back([None] * 5, DeliveryError("no"), 0.1)
    stats.request_served(make_request(seconds=0.004, instances=2))
    stats.request_served(make_request(seconds=0.004, status=500))
    clock.now += 10
    summary.tick()
    http, stream = (vars(record) for record in caplog.records)
    assert (http["event"], http["role"], stream["role"]) == ("summary", "http", "stream")
    assert (http["requests"], http["errors"], http["predictions"], http["version"]) == (2, 1, 2, "3")
    assert http["p95_seconds"] == pytest.approx(0.004, rel=0.02)
    assert (stream["records"], stream["dead_letters"], stream["errors"], stream["version"]) == (100, 1, 1, "4")
    assert stream["seconds"] == 10
    assert stream["p50_seconds"] == pytest.approx(0.03, rel=0.02)


def test_a_line_tells_only_what_is_new(caplog):
    stats, summary, clock = make_summary("stream")
    stats.batch_scored(make_batch(make_records(1000, age_ms=9000)))
    clock.now += 10
    summary.tick()
    stats.batch_scored(make_batch(make_records(5, age_ms=10), positions={8: range(5)}))
    clock.now += 10
    summary.tick()
    last = vars(caplog.records[-1])
    assert (last["records"], last["version"]) == (5, "8")
    assert last["p95_seconds"] == pytest.approx(0.01, rel=0.02)


def test_an_idle_role_says_so(caplog):
    _, summary, clock = make_summary("stream")
    clock.now += 10
    summary.tick()
    line = vars(caplog.records[0])
    assert (line["records"], line["p50_seconds"], line["version"]) == (0, None, None)


def test_only_roles_that_run_have_a_line(caplog):
    _, summary, _ = make_summary("http")
    summary.tick()
    assert [vars(record)["role"] for record in caplog.records] == ["http"]


def test_the_jobs_role_counts_rows(caplog):
    stats, summary, _ = make_summary("jobs")
    stats.chunk_scored(3, rows=100, failed=10, seconds=0.5)
    stats.chunk_failed()
    summary.tick()
    line = vars(caplog.records[0])
    assert (line["role"], line["rows"], line["predictions"], line["errors"]) == ("jobs", 100, 90, 1)
    assert line["version"] == "3"
