"""Drift detection of a process, put together without a Kafka or a store."""

import threading
from types import SimpleNamespace

import pytest

from scoreline.config.settings import Settings
from scoreline.models.live_route import LiveRoute
from scoreline.observability.client_log import ClientLog
from scoreline.observability.metrics import Metrics
from scoreline.service.drift import DriftDetection
from tests.observability.drift.scenes import ScriptedJudge, make_baseline, make_change, make_rows, make_version


class Scene:
    def __init__(self, **settings):
        version = make_version()
        versions = SimpleNamespace(live=LiveRoute((version,)), resident=lambda: (version,), name="flights")
        self.metrics, self.version = Metrics(), version
        self.judged, self.calibrating, self.may_calibrate = threading.Event(), threading.Event(), threading.Event()
        self.may_calibrate.set()
        self.drift = DriftDetection(
            Settings(drift_window_records=500, **settings),
            versions,
            self.metrics,
            ClientLog(),
            load_baseline=lambda _: make_baseline(),
            make_judge=self._make_judge,
            make_learner=None,
            rest_seconds=0.0,
        )

    def _make_judge(self, baseline):
        self.calibrating.set()
        assert self.may_calibrate.wait(5)
        judged = self.judged

        class Telling(ScriptedJudge):
            def judge(self, window):
                try:
                    return super().judge(window)
                finally:
                    judged.set()

        judge = Telling(baseline)
        judge.to_say.append([make_change()])
        return judge


@pytest.fixture
def make_scene():
    scenes = []

    def make(**settings):
        scenes.append(Scene(**settings))
        return scenes[-1]

    yield make
    for scene in scenes:
        scene.may_calibrate.set()
        scene.drift.close(5.0)


def test_what_callers_score_is_judged_and_told(make_scene, caplog):
    scene = make_scene()
    scene.drift.start()
    scene.drift.monitor.rows_scored(scene.version, *make_rows(600))

    assert scene.judged.wait(5)
    scene.drift.close(5.0)
    (version,) = scene.drift.reader.read()["versions"]
    assert version["window"]["rows"] == 600
    exposed = scene.metrics.render("")[0].decode()
    assert "scoreline_drift_events_total 1.0" in exposed
    assert 'scoreline_drift_state{feature="x",version="3"} 0.0' in exposed
    assert [record.event for record in caplog.records] == ["drift_raised"]


def test_nobody_waits_for_calibration(make_scene):
    scene = make_scene()
    scene.may_calibrate.clear()
    scene.drift.start()
    assert scene.calibrating.wait(5)

    scene.drift.monitor.rows_scored(scene.version, *make_rows(600))
    health = scene.drift.check()
    assert (health.name, health.ready, health.alive) == ("drift", True, True)
    assert "version 3: calibrating" in health.detail
    scene.may_calibrate.set()
    assert scene.judged.wait(5)


def test_one_that_was_never_started_closes(make_scene):
    make_scene(kafka_bootstrap_servers="127.0.0.1:1").drift.close(5.0)


def test_a_publisher_that_has_crashed_is_told_by_health(make_scene):
    scene = make_scene(kafka_bootstrap_servers="127.0.0.1:1")
    scene.drift._publisher._crashed = "the thread that publishes drift events has ended"

    health = scene.drift.check()
    assert (health.ready, health.alive, health.advisory) == (False, False, True)
    assert "publishes drift events" in health.detail
