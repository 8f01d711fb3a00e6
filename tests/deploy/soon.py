"""Metrics of drift and quality that rules and dashboard ask for, and that the catalogue does not declare yet."""

from scoreline.observability.metrics.catalogue import Declared, Type

SOON = (
    Declared("drift_state", Type.GAUGE, "", "", ("version", "feature")),
    Declared("drift_score", Type.GAUGE, "", "", ("version", "feature")),
    Declared("feature_missing_ratio", Type.GAUGE, "", "", ("version", "feature")),
    Declared("feature_unseen_ratio", Type.GAUGE, "", "", ("version", "feature")),
    Declared("prediction_mean", Type.GAUGE, "", "", ("version", "output")),
    Declared("drift_events_total", Type.COUNTER, "", ""),
    Declared("labels_total", Type.COUNTER, "", "", ("outcome",)),
    Declared("quality_auc", Type.GAUGE, "", "", ("version",)),
    Declared("quality_log_loss", Type.GAUGE, "", "", ("version",)),
    Declared("quality_error", Type.GAUGE, "", "", ("version",)),
    Declared("quality_calibration_error", Type.GAUGE, "", "", ("version",)),
)
