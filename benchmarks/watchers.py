"""Observers as the service has them, with the CPU seconds that they take: of the loop, and of the threads beside it."""

import threading
import time
from concurrent.futures import Future

from benchmarks.loop import ReplaySource
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.inspection import Output
from scoreline.observability.drift.judge import DriftJudge
from scoreline.observability.drift.judging import Judging
from scoreline.observability.drift.monitor import DriftMonitor
from scoreline.observability.drift.thread import DriftThread
from scoreline.observability.drift.windows import WindowLimits
from scoreline.observability.events import BatchObserver, BatchScored
from scoreline.observability.labels.joining import LabelJoin
from scoreline.observability.labels.notes import PredictionNotes
from scoreline.observability.labels.quality import LiveQuality
from scoreline.testing.fakes import FixedVersions

WINDOW = 4096
REMEMBERED = 200_000
BATCHES_A_LABEL_TURN = 4
"""The reader of labels takes what was noted ten times a second."""


class Timed:
    """An observer of batches, with the CPU seconds of its thread counted while it takes note."""

    def __init__(self, observer: BatchObserver) -> None:
        self._observer = observer
        self.seconds = 0.0

    def batch_scored(self, event: BatchScored) -> None:
        started = time.thread_time()
        self._observer.batch_scored(event)
        self.seconds += time.thread_time() - started


class Nobody:
    """Counts nothing: counters are not what is measured."""

    def labels_settled(self, outcome, labels):
        pass


class LabelChain:
    """Everything between a batch and the quality of its version."""

    def __init__(self) -> None:
        clock = time.monotonic
        self.notes = PredictionNotes(REMEMBERED, clock)
        self.quality = LiveQuality(Nobody(), seconds=3600.0, list_loaded=lambda: [1], clock=clock)
        self.join = LabelJoin(
            self.notes,
            self.quality,
            most_predictions=REMEMBERED,
            seconds=3600.0,
            find_output=lambda _: Output.PROBABILITY,
            clock=clock,
        )


class Remembering:
    """Has a chain remember what was noted: beside the loop in the service, here on its thread."""

    def __init__(self, chain: LabelChain) -> None:
        self._batches = 0
        self._join = chain.join

    def batch_scored(self, event: BatchScored) -> None:
        self._batches += 1
        if self._batches % BATCHES_A_LABEL_TURN == 0:
            self._join.turn([])


class NoLag(ReplaySource):
    """The same batch again and again, of partitions that nobody is behind on."""

    def add_listener(self, listener):
        pass

    def lags(self):
        return {}


def _do_at_once(call):
    """In place of the thread beside, so that its CPU seconds are this thread's."""
    future = Future()
    future.set_result(call())
    return future


class Drift:
    """The monitor of one version with the judge that the service has, and the CPU seconds of its thread."""

    def __init__(self, versions: FixedVersions, baseline: Baseline) -> None:
        woken, version = threading.Event(), versions.resolve().versions[0]
        self.windows = []
        self.monitor = DriftMonitor(
            Judging(
                WindowLimits(WINDOW, 600.0), lambda _: baseline, self._make_judge, None, time.monotonic, _do_at_once
            ),
            live=[version],
            resident=lambda: [version],
            wall_clock=time.time,
            wake=woken.set,
        )
        started = time.thread_time()
        self.monitor.turn()
        self.calibration_seconds = time.thread_time() - started
        self.seconds = 0.0
        self._thread = DriftThread(self._turn, self.monitor.describe, woken)
        self._thread.start()

    def close(self) -> None:
        self._thread.close(10.0)
        assert self._thread.check().alive
        self._turn()

    def _turn(self) -> None:
        started = time.thread_time()
        self.monitor.turn()
        self.seconds += time.thread_time() - started

    def _make_judge(self, baseline: Baseline) -> DriftJudge:
        windows = self.windows

        class Noting(DriftJudge):
            def judge(self, window):
                windows.append(window)
                return super().judge(window)

        return Noting(baseline, window_records=WINDOW, relative_threshold=0.25, false_alarm_windows=200)
