"""What drift detection needs of others: baselines, judges, learners; and whoever wants to hear of changes."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from scoreline.features import Matrix
from scoreline.models.baseline.baseline import Baseline, Origin
from scoreline.models.model import ModelVersion, Scores
from scoreline.observability.drift.states import Change, Judgement, Window

T = TypeVar("T")

LoadBaseline = Callable[[ModelVersion], Baseline | None]
"""The baseline that a version was published with; None where it has none.

Raises:
    ModelRejected: there is one, and it is damaged.
    DependencyError: the store is away.
"""


class Judge(Protocol):
    """Judges the windows of one version; one thread calls it."""

    def look(self, recent: Window) -> Sequence[Change]:
        """Look at the latest rows for what needs no window to be seen."""
        ...

    def judge(self, window: Window) -> Sequence[Change]:
        """Judge a window that has ended."""
        ...

    def reset(self) -> None:
        """Windows and hysteresis begin anew; the baseline stays."""
        ...

    def read(self) -> Judgement:
        """How the version stands."""
        ...


class Learner(Protocol):
    """Makes a baseline of the first windows of a version that was published without one; one thread calls it.

    Attributes:
        is_too_wide: whether there are too many features and levels, so that there will never be one.
    """

    is_too_wide: bool

    def add(self, features: Matrix, unseen: npt.NDArray[np.int64], scores: Scores) -> None:
        """Learn from rows that were scored."""
        ...

    def end_window(self, at_ms: int) -> Baseline | None:
        """A window has ended; gives the baseline once there were enough of them."""
        ...


MakeJudge = Callable[[Baseline], Judge]
"""Calibrates, which may take seconds."""


class StartErrand(Protocol):
    """Starts what takes seconds, so that the thread that judges need not wait for it."""

    def __call__(self, call: Callable[[], T]) -> Future[T] | None:
        """What comes of it; None where something else is under way, and this one has to be started later."""
        ...


MakeLearner = Callable[[ModelVersion], Learner]


@dataclass(frozen=True, slots=True)
class DriftChanged:
    """One feature or output of a version whose state has changed.

    Attributes:
        origin: of the baseline that it was compared with.
    """

    model: str
    version: int
    origin: Origin
    change: Change

    @property
    def raised(self) -> bool:
        """Whether the new state is worse than the one before."""
        return self.change.state.level > self.change.earlier.level


class DriftListener(Protocol):
    """Learns of changes, on the thread that judges; may not wait, and may not raise."""

    def drift_changed(self, events: Sequence[DriftChanged]) -> None:
        """Take note of what one look or one window has changed: at least one event, all of one version."""
        ...
