"""What GET /stats says."""

import json

import pytest

from scoreline.errors import DeliveryError
from scoreline.observability.stats import Stats
from scoreline.observability.tally import MAX_ROUTES
from scoreline.records import Reason
from tests.observability.batches import Ticking, make_batch, make_letter, make_records, make_request
from tests.observability.labels.reports import make_report, make_version_quality


def test_a_snapshot_of_a_service_that_did_nothing_is_all_zeros_and_nulls():
    snapshot = json.loads(json.dumps(Stats(Ticking()).snapshot(), allow_nan=False))
    assert snapshot["stream"]["records"] == {
        "total": 0,
        "predicted": 0,
        "dead_letter": 0,
        "skipped": 0,
        "forwarded": 0,
    }
    assert snapshot["stream"]["end_to_end"]["p50_seconds"] is None
    assert snapshot["http"] == {"requests": 0, "errors": 0, "predictions": {"total": 0, "versions": {}}, "routes": {}}


def test_quality_is_told_where_labels_are_read():
    stats = Stats(Ticking())
    assert stats.snapshot()["quality"] is stats.read_quality() is None
    stats.watch_quality(lambda: make_report({"3": make_version_quality(auc=0.7)}))
    assert stats.snapshot()["quality"]["versions"]["3"]["auc"] == 0.7
    assert stats.read_quality() == stats.snapshot()["quality"]


def test_work_on_jobs_is_summed_up():
    stats = Stats(Ticking())
    assert stats.snapshot()["jobs"]["chunk_seconds"]["mean_seconds"] is None
    stats.chunk_scored(3, rows=10, failed=1, seconds=0.2)
    stats.chunk_scored(4, rows=5, failed=0, seconds=0.4)
    stats.chunk_failed()
    jobs = json.loads(json.dumps(stats.snapshot(), allow_nan=False))["jobs"]
    assert jobs["predictions"] == {"total": 14, "versions": {"3": 9, "4": 5}}
    assert (jobs["rows"], jobs["rows_failed"], jobs["chunks"], jobs["errors"]) == (15, 1, 2, 1)
    assert (jobs["chunk_seconds"]["count"], jobs["chunk_seconds"]["mean_seconds"]) == (2, 0.3)


def test_batches_are_summed_up():
    clock = Ticking()
    stats = Stats(clock)
    records = make_records(10, age_ms=500)
    letters = [make_letter(records[0]), make_letter(records[1], Reason.TOMBSTONE)]
    for _ in range(3):
        stats.batch_scored(make_batch(records, positions={9: range(2, 6), 10: range(6, 10)}, dead_letters=letters))
    stats.batch_rolled_back([None] * 10, DeliveryError("no"), 0.2)
    stats.commit_answered({}, None)
    stats.commit_answered({}, "UNKNOWN_MEMBER_ID")
    stats.client_error("_TRANSPORT", "gone")
    clock.now += 12.5
    snapshot = json.loads(json.dumps(stats.snapshot()))
    stream = snapshot["stream"]
    assert snapshot["uptime_seconds"] == 12.5
    assert stream["records"]["total"] == 30
    assert stream["records"]["dead_letter"] == 6
    assert stream["predictions"] == {"total": 24, "versions": {"9": 12, "10": 12}}
    assert list(stream["predictions"]["versions"]) == ["9", "10"]
    assert stream["dead_letters"] == {"tombstone": 3, "undecodable": 3}
    assert (stream["batches"], stream["rolled_back"]) == (3, {"DeliveryError": 1})
    assert stream["commits"] == {"accepted": 1, "refused": 1}
    assert stream["client_errors"] == {"_TRANSPORT": 1}
    assert stream["end_to_end"]["p95_seconds"] == pytest.approx(0.5, rel=0.02)
    assert stream["stages"]["publish"]["p50_seconds"] == pytest.approx(0.008, rel=0.02)
    assert stream["stages"]["publish"]["count"] == 3


def test_routes_have_their_own_quantiles_and_errors():
    stats = Stats()
    for i in range(1, 101):
        stats.request_served(make_request(seconds=i / 1000, instances=2))
    stats.request_served(make_request(status=422, instances=3))
    stats.request_served(make_request(route="/health", version=None, instances=0, seconds=0.5))
    http = stats.snapshot()["http"]
    assert (http["requests"], http["errors"]) == (102, 1)
    assert http["predictions"] == {"total": 200, "versions": {"3": 200}}
    predict = http["routes"]["/predict"]
    assert predict["statuses"] == {"200": 100, "422": 1}
    assert predict["p50_seconds"] == pytest.approx(0.050, rel=0.03)
    assert predict["p95_seconds"] == pytest.approx(0.095, rel=0.03)
    assert predict["p99_seconds"] == pytest.approx(0.099, rel=0.03)
    assert http["routes"]["/health"]["mean_seconds"] == 0.5


def test_whatever_arrives_the_number_of_routes_is_bounded():
    stats = Stats()
    for i in range(200):
        stats.request_served(make_request(route=f"/r{i}"))
    http = stats.snapshot()["http"]
    assert len(http["routes"]) == MAX_ROUTES + 1
    assert http["requests"] == 200
