"""What `GET /drift` answers, as types, and how it is made from what was judged."""

from collections.abc import Callable, Collection, Sequence
from typing import Literal, TypedDict

from scoreline.errors import FeatureNotFound, ModelNotFound
from scoreline.models.baseline.axes import name_outputs
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.model import ModelVersion
from scoreline.observability.drift.histograms import Histogram, make_histogram
from scoreline.observability.drift.judging import Reading
from scoreline.observability.drift.states import AxisJudgement, Cause, State, Window
from scoreline.observability.logs import format_timestamp


class CauseReport(TypedDict):
    """Why a state is what it is.

    `windows` is 0 for all of them with falling weights, and where the rule does not wait for a window to end.
    """

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


Limits = Literal["calibrated", "partly calibrated", "uncalibrated"]
"""Whether what is allowed comes from the baseline: for windows of every length, of some, or of none."""


class VersionReport(TypedDict):
    """One version; `calibrated` says of each length in windows whether its threshold comes from the baseline.

    Length 0 is the moving average. `limits` sums that up, and is null before there is a judge. `detail` says what is
    waited for, and is empty where nothing is.
    """

    version: int
    state: str
    limits: Limits | None
    calibrated: dict[str, bool]
    detail: str
    baseline: BaselineReport | None
    window: WindowReport | None
    features: list[FeatureReport]


class DriftReport(TypedDict):
    """Whether what is scored still looks like the training, by version; of features those that matter most first."""

    model: str
    versions: list[VersionReport]


class DriftReader:
    """Makes reports; what has not changed since is made once. May be called from any thread.

    Args:
        model: the name of the served model.
        read: how the versions stand.
    """

    def __init__(self, model: str, read: Callable[[], Sequence[Reading]]) -> None:
        self._model = model
        self._read = read
        self._made: dict[int, tuple[Reading, VersionReport]] = {}

    def read(self, version: int | None = None, feature: str | None = None) -> DriftReport:
        """The report, with condensed histograms.

        Args:
            version: the only one to tell of.
            feature: the only one, or the only output, to tell of, with every bin of its histogram.

        Raises:
            ModelNotFound: the version is not watched.
            FeatureNotFound: no version has the feature.
        """
        watched = self._read()
        readings = [each for each in watched if version is None or each.version.version == version]
        if version is not None and not readings:
            raise ModelNotFound(f"version {version} of {self._model} is not loaded here, so nothing of it is watched")
        if feature is None:
            made = {each.version.version: (each, self._make(each)) for each in readings}
            numbers = {each.version.version for each in watched}
            self._made = {number: kept for number, kept in self._made.items() if number in numbers} | made
            return {"model": self._model, "versions": [report for _, report in made.values()]}
        found = [each for each in readings if feature in name_axes(each)]
        if not found:
            raise FeatureNotFound(f"no version that is watched has a feature or an output {feature[:80]!r}")
        return {"model": self._model, "versions": [_report(each, only=feature) for each in found]}

    def _make(self, reading: Reading) -> VersionReport:
        made = self._made.get(reading.version.version)
        return made[1] if made is not None and made[0] is reading else _report(reading)


def rank_axes(version: ModelVersion, axes: int) -> Sequence[int]:
    """Places of the axes of a version: outputs, then features by how much the model uses them."""
    features = len(version.model.features)
    importances = version.model.importances
    order = range(features) if importances is None else sorted(range(features), key=lambda i: -importances[i])
    return [*range(features, axes), *order]


def name_axes(reading: Reading) -> Sequence[str]:
    """Names of the axes of a version, whether its baseline is known or not."""
    if reading.baseline is not None:
        return reading.baseline.grid.names
    model = reading.version.model
    return (*model.features.names, *name_outputs(model.classes))


def _report(reading: Reading, only: str | None = None) -> VersionReport:
    judgement, baseline, version = reading.judgement, reading.baseline, reading.version
    names = name_axes(reading)
    window = None if judgement is None else judgement.window
    judged = _judge_nothing(names) if judgement is None else judgement.axes
    importances = version.model.importances
    features = len(version.model.features)
    return {
        "version": version.version,
        "state": max((axis.state for axis in judged), key=lambda state: state.level),
        "limits": None if judgement is None else _sum_up(judgement.calibrated.values()),
        "calibrated": {} if judgement is None else {str(n): known for n, known in judgement.calibrated.items()},
        "detail": reading.detail,
        "baseline": None if baseline is None else _describe_baseline(baseline, time_ordered=reading.time_ordered),
        "window": None if window is None else _describe_window(window),
        "features": [
            {
                "name": judged[i].name,
                "kind": "feature" if i < features else "output",
                "state": judged[i].state,
                "score": judged[i].score,
                "importance": None if importances is None or i >= features else importances[i],
                "cause": _describe_cause(judged[i].cause),
                "since": _tell(judged[i].since_ms),
                "statistics": dict(judged[i].statistics),
                "histogram": None
                if baseline is None
                else _make_histogram(baseline, window, i, whole=judged[i].name == only),
            }
            for i in rank_axes(version, len(names))
            if only is None or judged[i].name == only
        ],
    }


def _sum_up(calibrated: Collection[bool]) -> Limits:
    if all(calibrated):
        return "calibrated"
    return "partly calibrated" if any(calibrated) else "uncalibrated"


def _judge_nothing(names: Sequence[str]) -> Sequence[AxisJudgement]:
    return [AxisJudgement(name, State.NO_DATA, None, None, None, {}) for name in names]


def _make_histogram(baseline: Baseline, window: Window | None, axis: int, *, whole: bool) -> Histogram:
    bins = baseline.grid.slice_of(axis)
    seen = None if window is None else window.counts.bins[bins]
    return make_histogram(baseline.grid.axes[axis], baseline.total.bins[bins], seen, whole=whole)


def _describe_cause(cause: Cause | None) -> CauseReport | None:
    if cause is None:
        return None
    return {
        "rule": cause.rule,
        "statistic": cause.statistic,
        "value": cause.value,
        "threshold": cause.threshold,
        "windows": cause.windows,
    }


def _describe_baseline(baseline: Baseline, *, time_ordered: bool) -> BaselineReport:
    return {
        "origin": baseline.origin,
        "rows": baseline.total.rows,
        "time_ordered": time_ordered,
        "learned_at": _tell(baseline.learned_at_ms),
    }


def _describe_window(window: Window) -> WindowReport:
    return {
        "rows": window.counts.rows,
        "began_at": format_timestamp(window.began_at_ms / 1000),
        "ended_at": format_timestamp(window.ended_at_ms / 1000),
    }


def _tell(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_timestamp(at_ms / 1000)
