"""Versions, rows and a judge whose verdicts a test decides."""

from collections import deque
from concurrent.futures import Future

import numpy as np

from scoreline.features import Feature
from scoreline.models.baseline.axes import OUTPUT_PREFIX, CategoricalAxis, NumericAxis
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.grid import Grid
from scoreline.models.model import ModelVersion
from scoreline.observability.drift.gathering import Rows
from scoreline.observability.drift.judging import Judging
from scoreline.observability.drift.monitor import DriftMonitor
from scoreline.observability.drift.states import AxisJudgement, Cause, Change, Judgement, Rule, State
from scoreline.observability.drift.windows import WindowLimits
from scoreline.testing.fakes import WeightedSum

GRID = Grid(
    (
        NumericAxis("x", 0.0, 10.0),
        CategoricalAxis("carrier", 2, ("AA", "UA")),
        NumericAxis(OUTPUT_PREFIX + "prediction", 0.0, 1.0, is_output=True),
    )
)
CAUSE = Cause(Rule.CALIBRATED, "js_distance", 0.4, 0.2, 1)
START_MS = 1_700_000_000_000


def make_version(number=3, name="flights"):
    features = [Feature("x"), Feature("carrier")]
    return ModelVersion(name, number, f"{number:064x}", WeightedSum(features, [1.0, 0.0]))


def make_rows(n, x=5.0, *, carrier=0.0, unseen=0, score=0.5):
    features = np.column_stack([np.full(n, x), np.full(n, carrier)])
    features[:unseen, 1] = np.nan
    return Rows(features, np.array([0, unseen]), np.full(n, score))


def make_counts(n, **values):
    return GRID.count(*make_rows(n, **values))


def make_baseline(rows=10_000, *, blocks=None, learned_at_ms=None):
    return Baseline(GRID, make_counts(rows), np.zeros(3), np.ones(3), blocks, learned_at_ms)


def make_change(axis=0, *, earlier=State.OK, state=State.DRIFT, at_ms=START_MS, cause=CAUSE):
    return Change(axis, GRID.names[axis], earlier, state, cause, at_ms)


class ScriptedJudge:
    """Keeps what it is given; says what it was told to say."""

    def __init__(self, baseline):
        self.baseline = baseline
        self.looked, self.judged, self.resets = [], [], 0
        self.to_say = deque()
        self.state = State.OK
        self.error = None

    def look(self, recent):
        self.looked.append(recent)
        return []

    def judge(self, window):
        if self.error is not None:
            raise self.error
        self.judged.append(window)
        return self.to_say.popleft() if self.to_say else []

    def reset(self):
        self.resets += 1
        self.judged = []

    def read(self):
        last = self.judged[-1] if self.judged else None
        state = self.state if last else State.NO_DATA
        score = 0.5 if last else None
        statistics = {"missing_ratio": 0.25, "unseen_ratio": 0.125} if last else {}
        axes = [
            AxisJudgement(n, state, None, last and last.ended_at_ms, score, dict(statistics) if i < 2 else {})
            for i, n in enumerate(GRID.names)
        ]
        return Judgement(lambda: axes, {1: True, 4: True, 16: False, 0: True}, last)


class FirstWindows:
    """Learns from so many windows."""

    def __init__(self, windows=2):
        self.left = windows
        self.rows = 0
        self.is_too_wide = False

    def add(self, features, unseen, scores):
        self.rows += len(features)

    def end_window(self, at_ms):
        self.left -= 1
        return None if self.left else make_baseline(self.rows, learned_at_ms=at_ms)


class Scene:
    """A monitor whose clocks, store and judges are a test's."""

    def __init__(self, *, limits=None, live=(3,), baselines=None):
        self.versions = {number: make_version(number) for number in (1, 2, 3, 4)}
        self.resident = set(live)
        self.baselines = {3: make_baseline()} if baselines is None else baselines
        self.judges, self.learners, self.events, self.asked = [], [], [], []
        self.make_judge, self.beside = ScriptedJudge, None
        self.now, self.wakes = START_MS / 1000, 0
        self.set_by = 0.0
        self.monitor = DriftMonitor(
            Judging(
                limits or WindowLimits(1000, 60.0), self._load, self._make_judge, self._learn, self._tell, self._start
            ),
            live=[self.versions[number] for number in live],
            resident=lambda: [self.versions[number] for number in self.resident],
            listeners=(self,),
            wall_clock=self._tell_wall_clock,
            wake=self._wake,
        )

    def drift_changed(self, events):
        self.events.append(events)

    @property
    def judge(self):
        return self.judges[-1]

    def score(self, n, number=3, **values):
        """Rows of a caller."""
        self.monitor.rows_scored(self.versions[number], *make_rows(n, **values))

    def turn(self, seconds=0.0):
        self.now += seconds
        self.monitor.turn()

    def _load(self, version):
        self.asked.append(version.version)
        found = self.baselines.get(version.version)
        if isinstance(found, Exception):
            raise found
        return found

    def _make_judge(self, baseline):
        self.judges.append(self.make_judge(baseline))
        return self.judges[-1]

    def _learn(self, version):
        self.learners.append(FirstWindows())
        return self.learners[-1]

    def _start(self, call):
        """At once, unless the test wants to see what happens meanwhile."""
        if self.beside is not None:
            return self.beside(call)
        future = Future()
        try:
            future.set_result(call())
        except Exception as error:  # noqa: BLE001 - as the thread beside does
            future.set_exception(error)
        return future

    def _tell(self):
        return self.now

    def _tell_wall_clock(self):
        return self.now + self.set_by

    def _wake(self):
        self.wakes += 1
