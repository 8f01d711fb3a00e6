"""The judge of one version: from windows of counts to the state of each feature and output, and what has changed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from scoreline.models.baseline.baseline import Baseline
from scoreline.observability.drift.calibration import calibrate
from scoreline.observability.drift.hysteresis import Raised
from scoreline.observability.drift.lengths import LEAST_ROWS, LENGTHS, History, size_of
from scoreline.observability.drift.quality_alarms import QualityAlarms
from scoreline.observability.drift.rules import PLAIN_WINDOWS, Check, check_departures, check_means
from scoreline.observability.drift.standing import Standing, judge_axes
from scoreline.observability.drift.states import Cause, Change, Judgement, State, Window
from scoreline.observability.drift.statistics import Doubles, lay_out, share


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
        # Only calibration and the limits of alarms ask for the blocks, and they are most of a baseline.
        self._baseline = replace(baseline, blocks=None)
        self._relative_threshold = relative_threshold
        self._layout = lay_out(baseline.grid)
        self._shares = share(baseline.total.bins, baseline.total.rows)
        self._ladder = calibrate(baseline, window_records=window_records, false_alarm_windows=false_alarm_windows)
        self._calibrated = {length: self._ladder.find(size_of(length, window_records)).calibrated for length in LENGTHS}
        self._alarms = QualityAlarms(baseline, self._layout)
        self.reset()

    def reset(self) -> None:
        """Begin anew, as after a swap: no windows, no data; limits and baseline stay."""
        axes = len(self._baseline.grid.axes)
        self._history = History()
        self._alarms.reset()
        self._raised = {severity: Raised(axes, needed=2) for severity in (State.DRIFT, State.WARNING)}
        self._causes: dict[State, dict[int, Cause]] = {State.DRIFT: {}, State.WARNING: {}}
        self._standing = Standing(None, None, {}, {}, [0] * axes)
        self._judgement = self._make_judgement()

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
        if not (before or self._alarms.causes):
            return []
        return self._conclude(self._standing.window, self._standing.scores, recent.ended_at_ms)

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
        return self._conclude(window, ratios.max(axis=0), window.ended_at_ms)

    def _check(self) -> list[Check]:
        last = self._history.take(PLAIN_WINDOWS)
        severity = State.WARNING if self._ladder.is_calibrated else State.DRIFT
        windows = min(PLAIN_WINDOWS, len(self._history))
        plain = check_means(self._layout, last, windows, self._baseline, self._relative_threshold, severity)
        return [*check_departures(self._layout, self._history.spans(), self._shares, self._ladder), plain]

    def _raise(self, severity: State, checks: Sequence[Check], ratios: Doubles) -> None:
        """Note which axes are raised to a severity or beyond, and the worst cause of the last window that had one."""
        exceeded = ratios.max(axis=0) > 1
        earlier = self._causes[severity]
        # Whatever is raised now was raised earlier or exceeds now.
        self._causes[severity] = {
            axis: checks[int(ratios[:, axis].argmax())].cause_of(axis) if exceeded[axis] else earlier[axis]
            for axis in np.flatnonzero(self._raised[severity].update(exceeded)).tolist()
        }

    def _conclude(self, window: Window | None, scores: Doubles | None, at_ms: int) -> list[Change]:
        """Put the rules together, the worst first, and tell what has changed."""
        earlier, names = self._standing, self._baseline.grid.names
        since_ms = list(earlier.since_ms)
        standing = Standing(window, scores, self._alarms.causes, self._find_raised(), since_ms)
        all_begin = standing.rest is not earlier.rest
        changes = []
        for axis in range(len(names)) if all_begin else sorted(standing.raised.keys() | earlier.raised.keys()):
            (before, cause_before), (state, cause) = earlier.find(axis), standing.find(axis)
            if state is before:
                continue
            since_ms[axis] = at_ms
            told = cause if state.level > before.level else cause_before
            # From no data to ok nothing has happened to anybody: there is no cause, and no change.
            if told is not None:
                changes.append(Change(axis, names[axis], before, state, told, at_ms))
        self._standing = standing
        self._judgement = self._make_judgement()
        return changes

    def _find_raised(self) -> Mapping[int, tuple[State, Cause]]:
        raised = {axis: (State.WARNING, cause) for axis, cause in self._causes[State.WARNING].items()}
        raised |= {axis: (State.DRIFT, cause) for axis, cause in self._causes[State.DRIFT].items()}
        return raised | {axis: (State.DRIFT, cause) for axis, cause in self._alarms.causes.items()}

    def _make_judgement(self) -> Judgement:
        make_axes = partial(judge_axes, self._baseline, self._layout, self._standing)
        return Judgement(make_axes, self._calibrated, self._standing.window)
