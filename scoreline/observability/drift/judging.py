"""One version on its way from the first row to a judgement: its baseline, its judge, and how it stands."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial

from scoreline.errors import DependencyError, ModelRejected
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.model import ModelVersion
from scoreline.observability.drift.kept import Calibrated
from scoreline.observability.drift.lengths import LEAST_ROWS
from scoreline.observability.drift.outstanding import Outstanding
from scoreline.observability.drift.ports import Judge, Learner, LoadBaseline, MakeJudge, MakeLearner, StartErrand
from scoreline.observability.drift.states import Change, Judgement
from scoreline.observability.drift.watching import Arrived, VersionWatch
from scoreline.observability.drift.windows import WindowLimits
from scoreline.records import Clock

logger = logging.getLogger("scoreline.drift")

TOO_WIDE = "not watched: there are too many features and levels to learn a baseline of them"
RETRY_SECONDS = 10.0
"""How long a store that is away is left alone."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How one version stands, as of one moment.

    Attributes:
        baseline: None until it is loaded or learned; without its blocks.
        time_ordered: whether it had blocks.
        judgement: None until the judge is calibrated.
        detail: what is waited for, in words; empty where nothing is.
    """

    version: ModelVersion
    baseline: Baseline | None
    judgement: Judgement | None
    detail: str
    time_ordered: bool = False


@dataclass(frozen=True, slots=True)
class Judging:
    """What judging a version is done with.

    Attributes:
        clock: monotonic seconds.
    """

    limits: WindowLimits
    load_baseline: LoadBaseline
    make_judge: MakeJudge
    make_learner: MakeLearner
    clock: Clock
    start_errand: StartErrand


class VersionJudging:
    """Takes from a watch what has ended, and judges it; one thread calls it, but for `reading`.

    Args:
        calibrated: what an earlier watch of the version has left; None to look for a baseline.
    """

    def __init__(self, watch: VersionWatch, tools: Judging, calibrated: Calibrated | None = None) -> None:
        self.watch = watch
        self._tools = tools
        self._baseline: Baseline | None = None
        self._time_ordered = False
        self._counts = False
        self._learner: Learner | None = None
        self._learned_rows = 0
        self._learning_until: float | None = None
        self._left: Sequence[Arrived] = ()
        self._judge: Judge | None = None
        self._loading: Future[Baseline | None] | None = None
        self._calibrating: Future[Judge] | None = None
        self._outstanding = Outstanding()
        self._load_at = float("-inf")
        self._resets = False
        self._reading = Reading(watch.version, None, None, "waiting for the baseline")
        if calibrated is not None:
            self._baseline, self._time_ordered, self._judge = calibrated
            self._show("")

    @property
    def reading(self) -> Reading:
        """How the version stands; from any thread."""
        return self._reading

    @property
    def is_waiting(self) -> bool:
        """Whether there is no more than rows that nobody can count yet; from any thread."""
        return self._baseline is None and self._learner is None

    @property
    def calibrated(self) -> Calibrated | None:
        """What a later watch of the version can go on with; None where nothing is calibrated."""
        if self._baseline is None or self._judge is None:
            return None
        return Calibrated(self._baseline, self._time_ordered, self._judge)

    def reset(self) -> None:
        """Have the windows begin anew at the next turn; from any thread."""
        self.watch.reset()
        self._resets = True

    def turn(self, at_ms: int) -> Sequence[Change]:
        """Do what there is to do; gives what has changed.

        Args:
            at_ms: now, milliseconds since the epoch.
        """
        self.watch.tick(at_ms)
        if self.watch.error is not None:
            return self._give_up(at_ms)
        if self._baseline is None and not self._find_baseline(at_ms):
            return ()
        baseline = self._baseline
        if baseline is None:
            return ()
        if not self._counts:
            self._counts = True
            self.watch.count_with(baseline.grid, self._left)
            self._left = ()
        if self._judge is None:
            self._judge = self._calibrate(baseline)
        if self._judge is None:
            return ()
        return self._judge_ended(self._judge, at_ms)

    def _calibrate(self, baseline: Baseline) -> Judge | None:
        """The judge, once there is one; only to make it the blocks are needed, and they are most of a baseline."""
        if self._calibrating is None:
            self._time_ordered = baseline.blocks is not None
            self._show("calibrating")
            self._calibrating = self._tools.start_errand(partial(self._tools.make_judge, baseline))
        if self._calibrating is None or not self._calibrating.done():
            return None
        judge = self._calibrating.result()
        self._calibrating, self._baseline = None, replace(baseline, blocks=None)
        self._judge = judge
        self._show("")
        return judge

    def fail(self, error: Exception, at_ms: int) -> Sequence[Change]:
        """Neither count nor judge any more, and say why; gives what is cleared by that."""
        self.watch.fail(error)
        return self._give_up(at_ms)

    def end(self, at_ms: int) -> Sequence[Change]:
        """The version is watched no more: let go of its rows and windows; gives what is cleared by that."""
        self.watch.close()
        if self._judge is not None:
            self._judge.reset()
        return self._outstanding.clear(at_ms)

    def _give_up(self, at_ms: int) -> Sequence[Change]:
        """Show that counting or judging has failed; what another thread was counting meanwhile goes, too."""
        self.watch.discard()
        self._judge, self._learner, self._calibrating, self._left = None, None, None, ()
        detail = f"not watched any more: {self.watch.error}"
        if detail != self._reading.detail:
            self._reading = replace(self._reading, judgement=None, detail=detail)
        return self._outstanding.clear(at_ms)

    def _judge_ended(self, judge: Judge, at_ms: int) -> Sequence[Change]:
        changes: list[Change] = []
        if self._resets:
            self._resets = False
            changes += self._outstanding.clear(at_ms)
            judge.reset()
            self._show("")
        judged = False
        for recent, window in self.watch.take():
            found = [*judge.look(recent)] if recent is not None else []
            if window is not None:
                found += judge.judge(window)
            self._outstanding.note(found)
            changes += found
            judged |= window is not None
        if changes or judged:
            self._show("")
        return changes

    def _find_baseline(self, at_ms: int) -> bool:
        """Whether there is one by now."""
        if self._learner is not None:
            return self._learn(self._learner, at_ms)
        if self._tools.clock() < self._load_at:
            return False
        version = self.watch.version
        if self._loading is None:
            self._loading = self._tools.start_errand(partial(self._tools.load_baseline, version))
        if self._loading is None or not self._loading.done():
            return False
        loaded, self._loading = self._loading, None
        try:
            self._baseline = loaded.result()
        except DependencyError as error:
            self._load_at = self._tools.clock() + RETRY_SECONDS
            self._show(f"waiting for the baseline: {error}")
            return False
        except ModelRejected as error:
            logger.warning(
                "the baseline of %s %s cannot be used, and another one is learned: %s",
                version.name,
                version.version,
                error,
                extra={"event": "baseline_rejected", "model": version.name, "version": version.version},
            )
        if self._baseline is not None:
            return True
        self._learner = self._tools.make_learner(version)
        return self._learn(self._learner, at_ms)

    def _learn(self, learner: Learner, at_ms: int) -> bool:
        """Feed the rows that have come; a window of the learner's is as long as those that are judged."""
        limits = self._tools.limits
        arrivals = self.watch.take_rows()
        for i, arrived in enumerate(arrivals):
            if self._learning_until is None:
                self._learning_until = self._tools.clock() + limits.seconds
            learner.add(*arrived.rows)
            self._learned_rows += len(arrived.rows.features)
            if self._learned_rows >= limits.records and self._end_learned(learner, arrived.at_ms):
                self._left = arrivals[i + 1 :]
                return True
        until = self._learning_until
        if until is not None and self._learned_rows >= LEAST_ROWS and self._tools.clock() >= until:
            return self._end_learned(learner, at_ms)
        self._show(TOO_WIDE if learner.is_too_wide else "learning the baseline from the first rows")
        return False

    def _end_learned(self, learner: Learner, at_ms: int) -> bool:
        self._learned_rows, self._learning_until = 0, None
        self._baseline = learner.end_window(at_ms)
        return self._baseline is not None

    def _show(self, detail: str) -> None:
        judgement = None if self._judge is None else self._judge.read()
        if judgement is None and detail == self._reading.detail:
            return
        self._reading = Reading(self.watch.version, self._baseline, judgement, detail, self._time_ordered)
