"""Builders of what is told of quality."""

from scoreline.observability.labels.report import QualityReport, VersionQuality

COUNTS = ("remembered", "joined", "invalid", "waiting", "unmatched", "repeated", "empty", "unreadable")


def make_version_quality(value: float = 0.5, **measures: float | None) -> VersionQuality:
    """Every measure has the same value, unless it is named."""
    names = ("auc", "log_loss", "error", "calibration_error", "absolute_error", "root_mean_squared_error", "bias")
    told = {"labels": 10, **dict.fromkeys(names, value), **measures}
    about = {"kind": "binary", "delay_seconds": 60.0, "latest_known_at_ms": None}
    return {**told, **about, "since_start": {**told, "auc_within": 0.0001}}


def make_report(versions: dict[str, VersionQuality], **counts: int) -> QualityReport:
    return {"versions": versions, **dict.fromkeys(COUNTS, 0), **counts}
