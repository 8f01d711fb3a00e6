"""How a version stands after a window or a look: facts, and what people read of them, made when somebody does.

Behind a backlog a score of windows end in a second, and nobody reads but a scrape every few of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scoreline.models.baseline.baseline import Baseline
from scoreline.observability.drift.describing import describe
from scoreline.observability.drift.states import AxisJudgement, Cause, State, Window
from scoreline.observability.drift.statistics import Doubles, Layout


@dataclass(frozen=True, slots=True)
class Standing:
    """Facts; nothing of them is changed later.

    Attributes:
        window: the last one that was judged; None before the first.
        scores: of that window, the largest statistic over its threshold; shape (axes,).
        alarms: causes that did not wait for a window, by axis.
        raised: state and cause of every axis that is not at rest.
        since_ms: when the state of each axis began.
    """

    window: Window | None
    scores: Doubles | None
    alarms: Mapping[int, Cause]
    raised: Mapping[int, tuple[State, Cause]]
    since_ms: Sequence[int]

    @property
    def rest(self) -> State:
        """State of the axes that are not raised."""
        return State.NO_DATA if self.window is None else State.OK

    def find(self, axis: int) -> tuple[State, Cause | None]:
        """How one axis stands, and why."""
        return self.raised.get(axis) or (self.rest, None)

    def score(self, axis: int) -> float | None:
        """The largest statistic over its threshold, of windows and looks."""
        alarm = self.alarms.get(axis)
        found = [] if self.scores is None else [float(self.scores[axis])]
        return max([*found, *([alarm.value / alarm.threshold] if alarm else [])], default=None)


def judge_axes(baseline: Baseline, layout: Layout, standing: Standing) -> Sequence[AxisJudgement]:
    """How each axis stands, with the statistics of the last window."""
    names, window = baseline.grid.names, standing.window
    statistics = [{} for _ in names] if window is None else describe(layout, window.counts, baseline)
    judged = []
    for axis, name in enumerate(names):
        state, cause = standing.find(axis)
        since_ms = None if state is State.NO_DATA else standing.since_ms[axis]
        judged.append(AxisJudgement(name, state, cause, since_ms, standing.score(axis), statistics[axis]))
    return judged
