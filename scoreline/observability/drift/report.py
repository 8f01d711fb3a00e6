"""What `GET /drift` answers and the status page shows, as types: shares from 0 to 1, null where nothing is known."""

from typing import Literal, TypedDict


class BaselineAnswer(TypedDict):
    """Where a baseline comes from; `learned_at` only where the process has learned it itself."""

    origin: str
    rows: int
    time_ordered: bool
    learned_at: str | None


class WindowAnswer(TypedDict):
    """The last window that was judged; times in UTC."""

    rows: int
    began_at: str
    ended_at: str


class CauseAnswer(TypedDict):
    """Why a state is what it is, see `scoreline.observability.drift.states.Cause`."""

    rule: str
    statistic: str
    value: float
    threshold: float
    windows: int


class HistogramAnswer(TypedDict):
    """Shares of the same bins in baseline and window."""

    labels: list[str]
    baseline: list[float]
    window: list[float]


class AxisAnswer(TypedDict):
    """One feature or output."""

    name: str
    kind: Literal["feature", "output"]
    state: str
    score: float | None
    importance: float | None
    cause: CauseAnswer | None
    since: str | None
    statistics: dict[str, float]
    histogram: HistogramAnswer | None


class VersionDrift(TypedDict):
    """One version; features ranked by how much the model uses them."""

    version: int
    state: str
    calibrated: bool
    baseline: BaselineAnswer | None
    window: WindowAnswer | None
    features: list[AxisAnswer]


class DriftReport(TypedDict):
    """All versions that are watched."""

    model: str
    versions: list[VersionDrift]
