"""Drift as a scraper sees it."""

from scoreline.features import Feature
from scoreline.models.model import ModelVersion
from scoreline.observability.drift.report import rank_axes
from scoreline.observability.metrics import Metrics
from scoreline.observability.metrics.drift import MOST_FEATURES
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


def make_wide(scene, features):
    """Another live version, with so many features."""
    model = WeightedSum([Feature(f"f{i}") for i in range(features)], [0.0] * features)
    version = ModelVersion("flights", 9, "", model)
    scene.versions[9], scene.resident = version, {9}
    scene.monitor._find(version)
    return version
