"""What is told of the quality of versions once labels come, as types: null where nothing was measured."""

from typing import TypedDict


class QualityMeasures(TypedDict):
    """As in `scoreline.observability.labels.measures.Measures`."""

    labels: int
    auc: float | None
    log_loss: float | None
    error: float | None
    calibration_error: float | None
    absolute_error: float | None
    root_mean_squared_error: float | None
    bias: float | None


class QualityTotals(QualityMeasures):
    """Since the start of the process; the AUC is exact to `auc_within`."""

    auc_within: float | None


class VersionQuality(QualityMeasures):
    """Over the latest labels of one version, at most 4,096 of them; kind: binary, classes,
    answers, regression or ranking.

    Attributes:
        delay_seconds: the middle one of the times from a prediction to its label, 0 for a label that came first.
        latest_known_at_ms: the latest `time` of a label, milliseconds since the epoch.
    """

    kind: str
    delay_seconds: float | None
    latest_known_at_ms: int | None
    since_start: QualityTotals


class QualityReport(TypedDict):
    """Versions by their number, and what became of the labels.

    Attributes:
        remembered: predictions that a label can still be joined to.
        joined: labels whose prediction was found.
        invalid: those whose prediction was found, but that are none of the version's kind.
        waiting: labels whose prediction may still come.
        unmatched: labels that were given up.
        repeated: further labels of a prediction that has one.
        empty: labels that are null; unreadable: records that are no labels.
    """

    versions: dict[str, VersionQuality]
    remembered: int
    joined: int
    invalid: int
    waiting: int
    unmatched: int
    repeated: int
    empty: int
    unreadable: int
