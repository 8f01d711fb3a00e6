"""How the shadows of the stream end: within what a stop leaves."""

import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

from scoreline.features import Feature
from scoreline.models.model import ModelVersion
from scoreline.scoring.shadows import Answered, ShadowScorer
from scoreline.service.shadows import CLOSE_SECONDS, OpenShadows
from scoreline.service.stopping import Stop
from scoreline.testing.fakes import WeightedSum
from tests.shadow_recorder import SECONDS, ShadowRecorder


class Closing:
    """Notes how long it may take."""

    def __init__(self):
        self.seconds = []

    def close(self, timeout_seconds):
        self.seconds.append(timeout_seconds)


class Held(WeightedSum):
    """Scores for as long as it is not released."""

    def __init__(self):
        super().__init__([Feature("x")], [1.0])
        self.entered, self.release = threading.Event(), threading.Event()

    def predict(self, features):
        self.entered.set()
        assert self.release.wait(SECONDS)
        return super().predict(features)


@dataclass
class Parts:
    shadows: object


@pytest.mark.parametrize(
    ("passed", "scorer_seconds", "publisher_seconds"), [(0.0, CLOSE_SECONDS, 6.0), (30.0, 0.0, 0.0)]
)
def test_the_end_of_shadows_fits_what_the_deadline_of_the_stop_leaves(passed, scorer_seconds, publisher_seconds):
    """A broker that is away may have used it up."""
    now = [0.0]
    stop, parts, publisher = Stop(25.0, lambda: now[0]), Parts(Closing()), Closing()
    stop.request()
    now[0] += passed
    OpenShadows(None, parts, publisher, stop).close()
    assert parts.shadows.seconds == [scorer_seconds]
    assert publisher.seconds == [publisher_seconds]


@pytest.mark.parametrize("passed", [0.0, 5.0, 16.0, 20.0, 23.5])
def test_scorer_and_publisher_together_leave_the_sidecar_its_time(passed):
    """A publisher takes twice its time-out at most."""
    now = [passed]
    stop, parts, publisher = Stop(25.0, lambda: now[0]), Parts(Closing()), Closing()
    stop._requested_at = 0.0
    OpenShadows(None, parts, publisher, stop).close()
    assert parts.shadows.seconds[0] + 2 * publisher.seconds[0] <= stop.left_seconds() - stop.sidecar_seconds


def test_a_shadow_that_takes_long_does_not_hold_up_a_stop_with_little_time():
    held, recorder = Held(), ShadowRecorder()
    live, shadow = (ModelVersion("flights", number, "", held) for number in (1, 2))
    scorer, stop = ShadowScorer(recorder), Stop(0.4, time.monotonic)
    rows = Answered(live, [shadow], np.zeros(3), np.zeros((3, 1)), None, 0)
    scorer.offer(rows)
    assert held.entered.wait(SECONDS)
    scorer.offer(rows)
    stop.request()
    OpenShadows(None, Parts(scorer), Closing(), stop).close()
    assert stop.left_seconds() > stop.sidecar_seconds
    assert recorder.dropped == 3
    held.release.set()
    recorder.await_told(compared=1)
