"""Drift as a scraper sees it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from scoreline.features import Feature
from scoreline.models.model import ModelVersion
from scoreline.observability.drift.report import rank_axes
from scoreline.observability.metrics import Metrics, catalogue
from scoreline.observability.metrics.drift_series import MOST_FEATURES, SeriesWriter
from scoreline.testing.fakes import WeightedSum
from tests.observability.drift.scenes import Scene, make_baseline, make_change


def scrape(metrics, *names):
    text = metrics.render("")[0].decode()
    return {line for line in text.splitlines() if line.removeprefix("scoreline_").startswith(names)}


def watched(**options):
    scene, metrics = Scene(**options), Metrics()
    metrics.drift.watch(scene.monitor.read, lambda: scene.monitor.dropped)
    scene.turn()
    return scene, metrics


def test_before_the_first_window_every_state_is_no_data():
    _, metrics = watched()

    assert scrape(metrics, "drift_state", "drift_score", "prediction_mean") == {
        'scoreline_drift_state{feature="x",version="3"} -1.0',
        'scoreline_drift_state{feature="carrier",version="3"} -1.0',
        'scoreline_drift_state{feature="output:prediction",version="3"} -1.0',
    }


def test_a_window_gives_states_scores_ratios_and_means():
    scene, metrics = watched()
    scene.score(1000, score=0.25)
    scene.turn()

    assert scrape(metrics, "drift_s", "feature_", "prediction_mean") == {
        'scoreline_drift_state{feature="x",version="3"} 0.0',
        'scoreline_drift_state{feature="carrier",version="3"} 0.0',
        'scoreline_drift_state{feature="output:prediction",version="3"} 0.0',
        'scoreline_drift_score{feature="x",version="3"} 0.5',
        'scoreline_drift_score{feature="carrier",version="3"} 0.5',
        'scoreline_drift_score{feature="output:prediction",version="3"} 0.5',
        'scoreline_feature_missing_ratio{feature="x",version="3"} 0.25',
        'scoreline_feature_missing_ratio{feature="carrier",version="3"} 0.25',
        'scoreline_feature_unseen_ratio{feature="x",version="3"} 0.125',
        'scoreline_feature_unseen_ratio{feature="carrier",version="3"} 0.125',
        'scoreline_prediction_mean{output="prediction",version="3"} 0.25',
    }


def test_series_go_with_their_version():
    scene, metrics = watched(live=(3, 4), baselines={3: make_baseline(), 4: make_baseline()})
    assert any('version="4"' in line for line in scrape(metrics, "drift_state"))
    scene.resident = {3}
    scene.turn()

    assert not any('version="4"' in line for line in scrape(metrics, "drift_", "feature_", "prediction_mean"))


def test_changes_and_what_was_lost_are_counted():
    scene, metrics = watched()
    metrics.drift.drift_changed([make_change()] * 3)
    metrics.drift.event_dropped(2)
    for _ in range(70):
        scene.score(1000)
    for _ in range(2):
        lines = scrape(metrics, "drift_events", "drift_windows")

    assert lines == {
        "scoreline_drift_events_total 3.0",
        "scoreline_drift_events_dropped_total 2.0",
        "scoreline_drift_windows_dropped_total 6.0",
    }


def test_features_of_a_wide_model_are_bounded_to_those_that_it_uses_most():
    scene, metrics = watched()
    features = MOST_FEATURES + 2
    version = make_wide(scene, features)
    version.model.importances = tuple(i / features for i in range(features))
    lines = scrape(metrics, "drift_state")

    assert len([line for line in lines if 'feature="f' in line]) == MOST_FEATURES
    assert not any('feature="f1"' in line or 'feature="f0"' in line for line in lines)
    assert list(rank_axes(version, features + 1))[:2] == [features, features - 1]


def test_what_was_not_judged_since_is_not_written_anew():
    scene = Scene(live=(3, 4), baselines={3: make_baseline(), 4: make_baseline()})
    scene.turn()
    writer = SeriesWriter()
    assert writer.write(scene.monitor.read())
    before = dict(writer._written)
    assert not writer.write(scene.monitor.read())
    scene.score(1000, 4)
    scene.turn()

    assert writer.write(scene.monitor.read())
    assert [writer._written[number] is before[number] for number in (3, 4)] == [True, False]


@pytest.mark.parametrize(
    ("accept", "parse"),
    [("text/plain", text_string_to_metric_families), ("application/openmetrics-text", parse_openmetrics)],
)
def test_names_of_any_kind_are_read_back_by_either_parser(accept, parse):
    scene, metrics = watched()
    odd = 'sp ace "quoted" back\\slash new\nline é'
    version = make_wide(scene, 1, odd)
    families = {family.name: family for family in parse(metrics.render(accept)[0].decode())}

    states = families["scoreline_drift_state"].samples
    assert {sample.labels["feature"] for sample in states if sample.labels["version"] == "9"} == {
        odd,
        "output:prediction",
    }
    assert families["scoreline_drift_state"].type == "gauge"
    assert families["scoreline_drift_state"].documentation == catalogue.drift.DRIFT_STATE.meaning
    assert version.model.features.names == (odd,)


def test_two_scrapers_see_whole_versions_while_they_are_judged():
    scene, metrics = watched()
    scene.score(1000)
    scene.turn()

    def scrape_often():
        return [len(scrape(metrics, "drift_s", "feature_")) for _ in range(25)]

    with ThreadPoolExecutor(2) as scrapers:
        scrapes = [scrapers.submit(scrape_often) for _ in range(2)]
        for _ in range(25):
            scene.score(1000)
            scene.turn()
    assert {count for each in scrapes for count in each.result()} == {10}


def make_wide(scene, features, name="f{}"):
    """Another live version, with so many features."""
    model = WeightedSum([Feature(name.format(i)) for i in range(features)], [0.0] * features)
    version = ModelVersion("flights", 9, "", model)
    scene.versions[9], scene.resident = version, {9}
    scene.monitor._find(version)
    return version
