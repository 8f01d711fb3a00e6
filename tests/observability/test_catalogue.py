"""The declared metrics against what is exposed."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scoreline.models.live_route import LiveRoute
from scoreline.observability.comparisons import Comparison
from scoreline.observability.health import ComponentHealth, HealthReport
from scoreline.observability.metrics import Metrics
from scoreline.observability.metrics.catalogue import CATALOGUE, PREFIX, Type, format_table
from scoreline.records import Reason, TopicPartition
from tests.observability.batches import make_batch, make_letter, make_records, make_request, make_version
from tests.observability.drift.scenes import Scene
from tests.observability.labels.reports import make_report, make_version_quality


def make_busy_metrics() -> Metrics:
    """Metrics in which every family has a series."""
    metrics = Metrics()
    records = make_records(3)
    metrics.assigned([TopicPartition("features", 0)])
    metrics.batch_scored(make_batch(records, positions={3: [0, 1]}, dead_letters=[make_letter(records[2])]))
    metrics.request_served(make_request())
    metrics.set_lag(TopicPartition("features", 0), 7, 1.0)
    metrics.transaction_ended("committed")
    metrics.turned()
    metrics.batch_rolled_back([None] * 3, OSError(), 0.1)
    metrics.client_error("_TRANSPORT", "broker down")
    metrics.commit_answered({}, None)
    metrics.watch_shadows(lambda: [Comparison(1, 2, 10, 0.5, (-1.0, 0.0, 1.0), 0.9, 0.8, 0)])
    metrics.watch_jobs(lambda: {"running": 2})
    metrics.watch_health(lambda: HealthReport([ComponentHealth("model", None, ready=True, alive=True, detail="")]))
    metrics.jobs.rows_scored(3, 10, 1)
    metrics.quality.watch(lambda: make_report({"3": make_version_quality(auc=0.7, bias=0.1)}))
    metrics.models_loaded(LiveRoute((make_version(),)), 1.5)
    scene = Scene()
    metrics.drift.watch(scene.monitor.read, lambda: 0)
    scene.score(1000)
    scene.turn()
    return metrics


def test_what_is_exposed_is_exactly_what_is_declared():
    exposed = {
        family.name.removeprefix(PREFIX): family
        for family in text_string_to_metric_families(make_busy_metrics().render("")[0].decode())
        if family.name.startswith(PREFIX)
    }
    assert sorted(exposed) == sorted(m.name.removesuffix("_total") for m in CATALOGUE)
    for metric in CATALOGUE:
        family = exposed[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.type.value, metric.meaning)
        assert family.samples
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda m: m.name)
def test_a_declaration_obeys_the_naming_rules_of_prometheus(metric):
    assert re.fullmatch(r"[a-z][a-z_]*[a-z]", metric.name)
    assert metric.name.endswith("_total") == (metric.type is Type.COUNTER)
    assert bool(metric.bounds) == (metric.type is Type.HISTOGRAM)
    assert list(metric.bounds) == sorted(set(metric.bounds))
    assert metric.meaning.endswith(".")
    assert metric.unit != "seconds" or metric.name.endswith("_seconds")


def test_durations_are_resolved_up_to_minutes():
    for metric in CATALOGUE:
        if metric.unit == "seconds" and metric.type is Type.HISTOGRAM:
            assert max(b / a for a, b in zip(metric.bounds, metric.bounds[1:], strict=False)) <= 5
            assert metric.bounds[-1] >= 60


def test_stages_are_resolved_from_a_microsecond_and_requests_from_ten():
    bounds = {metric.name: metric.bounds for metric in CATALOGUE}

    assert bounds["stage_seconds"][0] == 1e-6
    assert bounds["http_request_seconds"][0] == 1e-5


def test_the_table_for_the_documentation_has_one_row_a_metric():
    rows = format_table().splitlines()[2:]
    assert len(rows) == len(CATALOGUE)
    assert all(row.count(" | ") == 3 for row in rows)


def test_a_service_that_did_nothing_already_shows_its_bounded_series():
    text = Metrics().render("")[0].decode()
    for reason in Reason:
        assert f'scoreline_dead_letters_total{{reason="{reason.value}"}} 0.0' in text
    assert 'scoreline_commits_total{outcome="refused"} 0.0' in text
