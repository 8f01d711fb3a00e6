"""What `GET /drift` answers, as types."""

from typing import Literal, TypedDict

from scoreline.observability.drift.histograms import Histogram


class CauseReport(TypedDict):
    """Why a state is what it is; `windows` is 0 where the rule does not wait for a window to end."""

    rule: str
    statistic: str
    value: float
    threshold: float
    windows: int


class FeatureReport(TypedDict):
    """One feature or output; `importance` is its share of what the model uses, null where that is not known."""

    name: str
    kind: Literal["feature", "output"]
    state: str
    score: float | None
    importance: float | None
    cause: CauseReport | None
    since: str | None
    statistics: dict[str, float]
    histogram: Histogram | None


class BaselineReport(TypedDict):
    """What a version is compared with: `published` with it, or `learned` here from its first rows."""

    origin: str
    rows: int
    time_ordered: bool
    learned_at: str | None


class WindowReport(TypedDict):
    """The rows that were judged last."""

    rows: int
    began_at: str
    ended_at: str


class VersionReport(TypedDict):
    """One version; `calibrated` says of each length in windows whether its threshold comes from the baseline.

    Length 0 is the moving average. `detail` says what is waited for, and is empty where nothing is.
    """

    version: int
    state: str
    calibrated: dict[str, bool]
    detail: str
    baseline: BaselineReport | None
    window: WindowReport | None
    features: list[FeatureReport]


class DriftReport(TypedDict):
    """Whether what is scored still looks like the training, by version; of features those that matter most first."""

    model: str
    versions: list[VersionReport]
