"""Drift detection of a process, put together without a Kafka or a store."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from scoreline.config.settings import Settings
from scoreline.errors import Unavailable
from scoreline.kafka.publishing.drift_publisher import DriftEventPublisher
from scoreline.models.baseline.baseline import Origin
from scoreline.models.live_route import LiveRoute
from scoreline.observability.drift.ports import DriftChanged
from scoreline.observability.metrics import Metrics
from scoreline.service.drift import DriftDetection
from tests.observability.drift.scenes import ScriptedJudge, make_baseline, make_change, make_rows, make_version


class Registry:
    """A schema registry that gives no encoder, but an error."""

    def __init__(self, error):
        self.error = error
        self.asked = threading.Event()

    def open_encoder(self):
        self.asked.set()
        raise self.error


class Scene:
    def __init__(self, registry=None, publisher=None):
        version = make_version()
        versions = SimpleNamespace(live=LiveRoute((version,)), resident=lambda: (version,), name="flights")
        self.metrics, self.version = Metrics(), version
        self.judged, self.calibrating, self.may_calibrate = threading.Event(), threading.Event(), threading.Event()
        self.may_calibrate.set()
        self.judging, self.may_judge = threading.Event(), threading.Event()
        self.may_judge.set()
        self.publisher = publisher
        if registry is not None:
            self.publisher = self._open_publisher(registry)
        self.drift = DriftDetection(
            Settings(drift_window_records=500),
            versions,
            self.metrics,
            self.publisher,
            load_baseline=lambda _: make_baseline(),
            make_judge=self._make_judge,
            make_learner=None,
            rest_seconds=0.0,
        )

    def _open_publisher(self, registry):
        return DriftEventPublisher(
            {"bootstrap.servers": "127.0.0.1:1"},
            "drift-events",
            open_encoder=registry.open_encoder,
            dropped=self.metrics.drift.event_dropped,
            observer=None,
        )

    def expose(self):
        return self.metrics.render("")[0].decode()

    def _make_judge(self, baseline):
        self.calibrating.set()
        assert self.may_calibrate.wait(5)
        scene, judged = self, self.judged

        class Telling(ScriptedJudge):
            def judge(self, window):
                scene.judging.set()
                assert scene.may_judge.wait(5)
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

    def make(registry=None, publisher=None):
        scenes.append(Scene(registry, publisher))
        return scenes[-1]

    yield make
    for scene in scenes:
        scene.may_calibrate.set()
        scene.may_judge.set()
        scene.drift.close(5.0)


def test_what_callers_score_is_judged_and_told(make_scene, caplog):
    scene = make_scene()
    scene.drift.start()
    scene.drift.monitor.rows_scored(scene.version, *make_rows(600))

    assert scene.judged.wait(5)
    scene.drift.close(5.0)
    (version,) = scene.drift.reader.read()["versions"]
    assert version["window"]["rows"] == 600
    exposed = scene.expose()
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


def test_rows_that_cannot_be_counted_are_told_by_health_the_report_and_metrics(make_scene):
    scene = make_scene()
    scene.drift.start()
    scene.drift.monitor.rows_scored(scene.version, *make_rows(600))
    assert scene.judged.wait(5)
    scene.drift.monitor.rows_scored(scene.version, np.zeros((600, 7)), np.zeros(7, dtype=np.int64), np.zeros(600))
    scene.drift.close(5.0)
    scene.drift.monitor.turn()

    assert "version 3: not watched any more: " in scene.drift.check().detail
    (version,) = scene.drift.reader.read()["versions"]
    assert (version["state"], version["detail"][:22]) == ("no_data", "not watched any more: ")
    assert 'scoreline_drift_state{feature="x",version="3"} -1.0' in scene.expose()
    assert "scoreline_drift_events_total 2.0" in scene.expose()


def test_one_that_was_never_started_closes(make_scene):
    make_scene(Registry(Unavailable("no route"))).drift.close(5.0)


def test_a_stop_while_a_window_is_judged_counts_events_that_wait_and_those_that_come_later(make_scene):
    registry = Registry(Unavailable("no route to the registry"))
    scene = make_scene(registry)
    scene.may_judge.clear()
    scene.drift.start()
    scene.drift.monitor.rows_scored(scene.version, *make_rows(600))
    assert scene.judging.wait(5)
    event = DriftChanged("flights", 3, Origin.PUBLISHED, make_change())
    scene.publisher.drift_changed([event] * 7)
    assert registry.asked.wait(5)

    began = time.monotonic()
    scene.drift.close(0.2)
    assert time.monotonic() - began < 2.0
    assert "scoreline_drift_events_dropped_total 7.0" in scene.expose()
    scene.may_judge.set()
    assert scene.judged.wait(5)
    scene.drift.close(5.0)
    assert "scoreline_drift_events_dropped_total 8.0" in scene.expose()


def test_a_stop_while_a_window_is_judged_leaves_events_half_of_the_time(make_scene):
    closed_within = []

    class Publisher:
        trouble = None

        def start(self):
            pass

        def drift_changed(self, events):
            pass

        def close(self, within_seconds):
            closed_within.append(within_seconds)

    scene = make_scene(publisher=Publisher())
    scene.may_judge.clear()
    scene.drift.start()
    scene.drift.monitor.rows_scored(scene.version, *make_rows(600))
    assert scene.judging.wait(5)
    scene.drift.close(0.1)

    assert 0.0 < closed_within[0] <= 0.05


def test_a_stop_waits_for_no_calibration(make_scene):
    scene = make_scene()
    scene.may_calibrate.clear()
    scene.drift.start()
    assert scene.calibrating.wait(5)

    began = time.monotonic()
    scene.drift.close(5.0)
    assert time.monotonic() - began < 2.0


def test_a_publisher_that_has_crashed_is_told_by_health(make_scene):
    scene = make_scene(Registry(ZeroDivisionError("a defect")))
    scene.drift.start()
    scene.drift.monitor.rows_scored(scene.version, *make_rows(600))
    assert scene.judged.wait(5)
    scene.drift.close(5.0)

    health = scene.drift.check()
    assert (health.ready, health.alive, health.advisory) == (False, False, True)
    assert "publishes drift events" in health.detail
