"""The judge of one version: from windows of counts to the state of each feature and output, and what has changed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.counts import Counts
from scoreline.observability.drift.calibration import calibrate
from scoreline.observability.drift.describing import describe
from scoreline.observability.drift.hysteresis import Raised
from scoreline.observability.drift.lengths import LEAST_ROWS, LENGTHS, History, size_of
from scoreline.observability.drift.quality_alarms import QualityAlarms
from scoreline.observability.drift.rules import PLAIN_WINDOWS, Check, check_departures, check_means
from scoreline.observability.drift.states import AxisJudgement, Cause, Change, Judgement, State, Window
from scoreline.observability.drift.statistics import Doubles, lay_out, share

_SEVERITY = {State.NO_DATA: 0, State.OK: 0, State.WARNING: 1, State.DRIFT: 2}


class DriftJudge:
    """Judges what a version is given and gives against its baseline; pure, and for one thread at a time.

    What `read` gives is never changed, so that any thread may have it.

    Args:
        relative_threshold: of the plain rule: share of the baseline's mean or standard deviation.
        false_alarm_windows: of the calibrated rule: one window in so many may exceed any limit by chance.

    Raises:
        ValueError: windows too short to be judged.
    """

    def __init__(
        self, baseline: Baseline, *, window_records: int, relative_threshold: float, false_alarm_windows: int
    ) -> None:
        self._relative_threshold = relative_threshold
        self._layout = lay_out(baseline.grid)
        self._shares = share(baseline.total.bins, baseline.total.rows)
        self._ladder = calibrate(baseline, window_records=window_records, false_alarm_windows=false_alarm_windows)
        self._calibrated = {length: self._ladder.find(size_of(length, window_records)).calibrated for length in LENGTHS}
        self._alarms = QualityAlarms(baseline, self._layout)
        self._baseline = replace(baseline, blocks=None)  # most of it, and needed no more
        self.reset()

    def reset(self) -> None:
        """Begin anew, as after a swap: no windows, no data; limits and baseline stay."""
        axes = self._baseline.grid.axes
        self._history = History()
        self._alarms.reset()
        self._raised = {severity: Raised(len(axes), needed=2) for severity in (State.DRIFT, State.WARNING)}
        self._causes: dict[State, dict[int, Cause]] = {State.DRIFT: {}, State.WARNING: {}}
        self._scores: Doubles | None = None
        self._window: Window | None = None
        self._statistics: Sequence[dict[str, float]] = [{} for _ in axes]
        nothing = tuple(AxisJudgement(axis.name, State.NO_DATA, None, None, None, {}) for axis in axes)
        self._judgement = Judgement(nothing, self._calibrated, None)

    def read(self) -> Judgement:
        """How everything stands after the last window or look."""
        return self._judgement

    def look(self, recent: Window) -> list[Change]:
        """Look whether the latest rows are all null, constant, out of range or unseen.

        Args:
            recent: every row once; fewer than `LEAST_ROWS` wait for more. Its counts are kept, and not changed later.
        """
        before = self._alarms.causes
        self._alarms.look(recent.counts)
        # Nearly every look finds nothing, and there are as many of them as batches.
        return self._conclude(recent.ended_at_ms) if before or self._alarms.causes else []

    def judge(self, window: Window) -> list[Change]:
        """Judge a window that has ended; one of fewer than `LEAST_ROWS` rows changes nothing.

        Args:
            window: its counts are kept, and not changed later.
        """
        if window.counts.rows < LEAST_ROWS:
            return []
        self._history.add(window.counts)
        checks = self._check()
        ratios = np.stack([check.ratios for check in checks])
        severe = np.array([check.severity is State.DRIFT for check in checks])
        self._raise(State.DRIFT, checks, np.where(severe[:, np.newaxis], ratios, 0.0))
        self._raise(State.WARNING, checks, ratios)
        self._scores = ratios.max(axis=0)
        self._window = window
        self._statistics = describe(self._layout, window.counts, self._baseline)
        return self._conclude(window.ended_at_ms)

    def _check(self) -> list[Check]:
        last: Counts = self._history.take(PLAIN_WINDOWS)
        severity = State.WARNING if self._ladder.is_calibrated else State.DRIFT
        windows = min(PLAIN_WINDOWS, len(self._history))
        plain = check_means(self._layout, last, windows, self._baseline, self._relative_threshold, severity)
        return [*check_departures(self._layout, self._history.spans(), self._shares, self._ladder), plain]

    def _raise(self, severity: State, checks: Sequence[Check], ratios: Doubles) -> None:
        """Note which axes are raised to a severity or beyond, and the worst cause of the last window that had one."""
        worst = ratios.argmax(axis=0)
        exceeded = ratios.max(axis=0) > 1
        earlier = self._causes[severity]
        # Whatever is raised now was raised earlier or exceeds now.
        self._causes[severity] = {
            axis: checks[worst[axis]].cause_of(axis) if exceeded[axis] else earlier[axis]
            for axis in np.flatnonzero(self._raised[severity].update(exceeded)).tolist()
        }

    def _conclude(self, at_ms: int) -> list[Change]:
        """Put the rules together, the worst first, and tell what has changed."""
        changes = []
        rest = State.NO_DATA if self._window is None else State.OK
        axes = []
        for axis, earlier in enumerate(self._judgement.axes):
            state, cause = self._stand(axis) or (rest, None)
            since_ms = earlier.since_ms if state is earlier.state else at_ms
            told = cause if _SEVERITY[state] > _SEVERITY[earlier.state] else earlier.cause
            # From no data to ok nothing has happened to anybody: there is no cause, and no change.
            if state is not earlier.state and told is not None:
                changes.append(Change(axis, earlier.name, earlier.state, state, told, at_ms))
            axes.append(
                AxisJudgement(
                    earlier.name,
                    state,
                    cause,
                    None if state is State.NO_DATA else since_ms,
                    self._score(axis),
                    self._statistics[axis],
                )
            )
        self._judgement = Judgement(tuple(axes), self._calibrated, self._window)
        return changes

    def _stand(self, axis: int) -> tuple[State, Cause] | None:
        if axis in self._alarms.causes:
            return State.DRIFT, self._alarms.causes[axis]
        for severity in (State.DRIFT, State.WARNING):
            if axis in self._causes[severity]:
                return severity, self._causes[severity][axis]
        return None

    def _score(self, axis: int) -> float | None:
        alarm = self._alarms.causes.get(axis)
        found = [] if self._scores is None else [float(self._scores[axis])]
        return max([*found, *([alarm.value / alarm.threshold] if alarm else [])], default=None)
