"""What judging comes to: the state of every feature and output, why it is so, and what has changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from scoreline.models.baseline.counts import Counts


class State(StrEnum):
    """Of a feature or an output, as in `drift_state`."""

    OK = "ok"
    WARNING = "warning"
    DRIFT = "drift"
    NO_DATA = "no_data"

    @property
    def level(self) -> int:
        """As `drift_state` shows it: the higher, the worse; -1 without data."""
        return _LEVELS[self]


_LEVELS = {State.NO_DATA: -1, State.OK: 0, State.WARNING: 1, State.DRIFT: 2}


class Rule(StrEnum):
    """What has decided a state.

    Attributes:
        RELATIVE_MEAN: the mean of the last windows lies far from the baseline's, in shares of its size or spread.
        CALIBRATED: a statistic exceeds what windows of the training rarely do.
        FLOOR: the same with a fixed limit, where the baseline cannot tell what is rare.
        QUALITY: the values are all null, constant, out of range or unseen, as those of the training never were.
    """

    RELATIVE_MEAN = "relative_mean"
    CALIBRATED = "calibrated"
    FLOOR = "floor"
    QUALITY = "quality"


@dataclass(frozen=True, slots=True)
class Window:
    """Counts of consecutive rows; the ends are milliseconds since the epoch."""

    counts: Counts
    began_at_ms: int
    ended_at_ms: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a state is what it is.

    Attributes:
        statistic: what was looked at: `js_distance`, `missing_ratio`, `mean`, …
        value, threshold: of the statistic; above the threshold is what caused it.
        windows: how many windows were looked at together; 0 for all with falling weights, and where the rule does not
            wait for a window to end.
    """

    rule: Rule
    statistic: str
    value: float
    threshold: float
    windows: int


@dataclass(frozen=True, slots=True)
class Change:
    """One feature or output whose state has changed: raised where the new state is worse, else cleared.

    Attributes:
        axis: its place in the grid.
        cause: of the worse of the two states.
        at_ms: the end of the rows that have changed it, milliseconds since the epoch.
    """

    axis: int
    name: str
    earlier: State
    state: State
    cause: Cause
    at_ms: int


@dataclass(frozen=True, slots=True)
class AxisJudgement:
    """How one feature or output stands.

    Attributes:
        cause: None where the state is ok or there is no data.
        since_ms: when the state began, milliseconds since the epoch; None while there is no data.
        score: the largest statistic over its threshold, of all that were looked at: 1 is where a state begins.
        statistics: of the last window by name: `js_distance`, `psi`, `ks`, `mean_shift`, `missing_ratio`,
            `unseen_ratio`, `outside_ratio`; those that mean nothing for an axis are left out.
    """

    name: str
    state: State
    cause: Cause | None
    since_ms: int | None
    score: float | None
    statistics: dict[str, float]


@dataclass(frozen=True)
class Judgement:
    """How a version stands after its last window.

    Attributes:
        make_axes: gives how each feature and output stands, of facts that are not changed later.
        calibrated: of each length in windows, whether its threshold comes from the baseline; the EWMA is length 0.
        window: the last one that was judged; None before the first.
    """

    make_axes: Callable[[], Sequence[AxisJudgement]]
    calibrated: dict[int, bool]
    window: Window | None

    @cached_property
    def axes(self) -> Sequence[AxisJudgement]:
        """How each feature and output stands; made when it is first asked for, by whichever thread asks."""
        return self.make_axes()
