"""The two rules that judge windows, each as checks of all axes at once: what was found over what is allowed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.counts import Counts
from scoreline.observability.drift.calibration import Ladder
from scoreline.observability.drift.departures import DEPARTURES, find_departures
from scoreline.observability.drift.lengths import Span
from scoreline.observability.drift.states import Cause, Rule, State
from scoreline.observability.drift.statistics import Doubles, Layout, find_means

PLAIN_WINDOWS = 4
"""The plain rule takes the mean of so many windows."""


@dataclass(frozen=True, slots=True)
class Check:
    """One statistic of one length, for all axes.

    Attributes:
        severity: of the state that it raises.
        windows: how many were looked at together, 0 for those of falling weights.
        values, limits: shape (axes,); infinite limits where it does not apply.
    """

    rule: Rule
    statistic: str
    severity: State
    windows: int
    values: Doubles
    limits: Doubles

    @property
    def ratios(self) -> Doubles:
        """Over 1 where the limit is exceeded; shape (axes,)."""
        return self.values / self.limits

    def cause_of(self, axis: int) -> Cause:
        """What it says of one axis."""
        return Cause(self.rule, self.statistic, float(self.values[axis]), float(self.limits[axis]), self.windows)


def check_means(
    layout: Layout, last: Counts, windows: int, baseline: Baseline, allowed: float, severity: State
) -> Check:
    """The plain rule: the mean of the last windows lies further from the baseline's than is allowed.

    Categories have no mean, so it says nothing of them; nor of values that are all missing, infinite or, in the
    baseline, all 0.

    Args:
        last: counts of the last `PLAIN_WINDOWS` together, or of as many as there are.
        allowed: share of the baseline's mean or of its standard deviation, whichever is larger.
    """
    limits = allowed * np.maximum(np.abs(baseline.means), baseline.deviations)
    with np.errstate(invalid="ignore"):  # sums of infinite values
        distances = np.abs(find_means(layout, last) - baseline.means)
    applies = np.isfinite(distances) & (limits > 0)
    values = np.where(applies, distances, 0.0)
    return Check(Rule.RELATIVE_MEAN, "mean", severity, windows, values, np.where(applies, limits, np.inf))


def check_departures(layout: Layout, spans: Sequence[Span], baseline: Doubles, ladder: Ladder) -> list[Check]:
    """The calibrated rule: a statistic of one length exceeds its limit.

    Where no limit comes from the baseline, floors raise drift: there is nothing better. Beside calibrated ones they
    raise a warning at most, since no promise comes with them.

    Args:
        spans: at least one, none of them without rows.
        baseline: shares of its rows; shape (bins,).
    """
    floor = State.WARNING if ladder.is_calibrated else State.DRIFT
    shares = np.stack([span.bins for span in spans]) / np.array([[span.rows] for span in spans])
    departures = find_departures(layout, shares, baseline)
    found = []
    for i, span in enumerate(spans):
        rung = ladder.find(span.steady_rows)
        rule, severity = (Rule.CALIBRATED, State.DRIFT) if rung.calibrated else (Rule.FLOOR, floor)
        found += [
            Check(rule, name, severity, span.length, values, limits)
            for name, values, limits in zip(DEPARTURES, departures[:, i], rung.limits, strict=True)
        ]
    return found
