"""What `/drift` answers."""

from dataclasses import replace

import msgspec
import pytest

from scoreline.errors import FeatureNotFound, ModelNotFound
from scoreline.observability.drift.report import DriftReader, DriftReport
from scoreline.observability.drift.states import State
from tests.observability.drift.scenes import Scene, make_baseline

AT = "2023-11-14T22:13:20.000Z"


@pytest.fixture
def scene():
    scene = Scene(live=(3, 4), baselines={3: make_baseline(blocks=[]), 4: make_baseline()})
    scene.turn()
    scene.score(1000, 3, x=2.0)
    scene.turn()
    scene.reader = DriftReader("flights", scene.monitor.read)
    return scene


def test_a_report_has_every_feature_and_output_with_its_bars(scene):
    report = scene.reader.read()
    version = report["versions"][0]
    by_name = {feature["name"]: feature for feature in version["features"]}

    assert (report["model"], version["version"], version["state"], version["detail"]) == ("flights", 3, "ok", "")
    assert version["limits"] == "partly calibrated"
    assert version["calibrated"] == {"1": True, "4": True, "16": False, "0": True}
    assert version["baseline"] == {"origin": "published", "rows": 10_000, "time_ordered": True, "learned_at": None}
    assert version["window"] == {"rows": 1000, "began_at": AT, "ended_at": AT}
    assert list(by_name) == ["output:prediction", "x", "carrier"]
    assert [feature["kind"] for feature in version["features"]] == ["output", "feature", "feature"]
    assert by_name["x"]["statistics"] == {"missing_ratio": 0.25, "unseen_ratio": 0.125}
    assert by_name["x"]["since"] == AT
    bars = by_name["carrier"]["histogram"]
    assert bars == {"labels": ["AA", "UA", "unseen", "missing"], "baseline": [1, 0, 0, 0], "window": [1, 0, 0, 0]}


def test_a_version_that_waits_for_its_first_window_has_no_data(scene):
    waiting = scene.reader.read()["versions"][1]

    assert (waiting["state"], waiting["window"]) == (State.NO_DATA, None)
    assert [feature["histogram"]["window"] for feature in waiting["features"]] == [[], [], []]


def test_a_version_without_a_baseline_has_names_alone():
    scene = Scene(baselines={})
    (version,) = DriftReader("flights", scene.monitor.read).read()["versions"]

    assert version["baseline"] is None
    assert version["detail"] == "waiting for the baseline"
    assert [(f["name"], f["state"], f["histogram"]) for f in version["features"]] == [
        ("output:prediction", "no_data", None),
        ("x", "no_data", None),
        ("carrier", "no_data", None),
    ]


def test_a_learned_baseline_tells_when_it_was_learned():
    scene = Scene(baselines={})
    for _ in range(2):
        scene.score(1000)
        scene.turn()
    (version,) = DriftReader("flights", scene.monitor.read).read()["versions"]

    assert version["baseline"] == {"origin": "learned", "rows": 2000, "time_ordered": False, "learned_at": AT}


def test_features_that_the_model_uses_most_come_first(scene):
    scene.versions[3].model.importances = (0.2, 0.8)
    features = scene.reader.read(3)["versions"][0]["features"]

    told = [(f["name"], f["importance"]) for f in features]
    assert told == [("output:prediction", None), ("carrier", 0.8), ("x", 0.2)]


def test_one_version_and_one_feature_may_be_asked_for(scene):
    (version,) = scene.reader.read(3, "x")["versions"]
    (feature,) = version["features"]

    assert version["version"] == 3
    assert feature["name"] == "x"
    assert len(feature["histogram"]["labels"]) == 131
    assert [v["version"] for v in scene.reader.read(feature="output:prediction")["versions"]] == [3, 4]


def test_what_is_not_watched_is_told(scene):
    with pytest.raises(ModelNotFound, match="version 9"):
        scene.reader.read(9)
    with pytest.raises(FeatureNotFound, match="'y'"):
        scene.reader.read(feature="y")


def test_a_report_is_made_anew_only_after_a_window(scene):
    before = scene.reader.read()["versions"]
    scene.score(600, 4)
    scene.turn()
    assert scene.reader.read()["versions"][1] is before[1]
    scene.score(600, 4)
    scene.turn()
    after = scene.reader.read()["versions"]

    assert after[0] is before[0]
    assert after[1]["window"]["rows"] == 1200


def test_a_report_is_json_of_its_type(scene):
    encoded = msgspec.json.encode(scene.reader.read())

    assert msgspec.json.decode(encoded, type=DriftReport) == msgspec.to_builtins(scene.reader.read())


@pytest.mark.parametrize(
    ("calibrated", "limits"),
    [({1: True, 0: True}, "calibrated"), ({1: True, 0: False}, "partly calibrated"), ({1: False}, "uncalibrated")],
)
def test_a_report_says_in_a_word_where_limits_come_from(scene, calibrated, limits):
    reading, _ = scene.monitor.read()
    told = DriftReader(
        "flights", lambda: [replace(reading, judgement=replace(reading.judgement, calibrated=calibrated))]
    )

    assert told.read()["versions"][0]["limits"] == limits


def test_nothing_is_said_of_limits_before_there_is_a_judge(scene):
    reading, _ = scene.monitor.read()

    assert DriftReader("flights", lambda: [replace(reading, judgement=None)]).read()["versions"][0]["limits"] is None
