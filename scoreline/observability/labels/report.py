"""What is known of quality since labels came, as types; null where labels are too few to say."""

from typing import TypedDict


class VersionQuality(TypedDict):
    """How good the predictions of one version were."""

    labels: int
    auc: float | None
    log_loss: float | None
    error: float | None
    calibration_error: float | None


class QualityReport(TypedDict):
    """Quality by version number, and what became of labels."""

    versions: dict[str, VersionQuality]
    joined: int
    unmatched: int
    waiting: int
