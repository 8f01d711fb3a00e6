"""Of labels, and of the quality that they tell."""

from scoreline.observability.metrics.catalogue.declared import Declared, Type

LABELS = Declared(
    "labels_total",
    Type.COUNTER,
    "labels",
    "Labels by what became of them: joined, invalid (none of the version's kind), unmatched, repeated, empty (null), "
    "unreadable.",
    ("outcome",),
)
LABELS_WAITING = Declared(
    "labels_waiting", Type.GAUGE, "labels", "Labels whose prediction has not been made here, but may still be."
)
QUALITY_LABELS = Declared(
    "quality_labels", Type.GAUGE, "labels", "Labels that the quality is told from: the version's latest.", ("version",)
)
QUALITY_AUC = Declared(
    "quality_auc", Type.GAUGE, "ratio", "Area under the ROC curve over a version's latest labels.", ("version",)
)
QUALITY_LOG_LOSS = Declared(
    "quality_log_loss", Type.GAUGE, "nats", "Mean log loss over a version's latest labels.", ("version",)
)
QUALITY_ERROR = Declared(
    "quality_error",
    Type.GAUGE,
    "ratio",
    "Share of wrong answers over a version's latest labels: a probability above 0.5, or the largest, is the answer.",
    ("version",),
)
QUALITY_CALIBRATION_ERROR = Declared(
    "quality_calibration_error",
    Type.GAUGE,
    "ratio",
    "Expected calibration error over a version's latest labels, in 10 bins of equal width.",
    ("version",),
)
QUALITY_ABSOLUTE_ERROR = Declared(
    "quality_absolute_error",
    Type.GAUGE,
    "label units",
    "Mean absolute error of a regression over its latest labels.",
    ("version",),
)
QUALITY_ROOT_MEAN_SQUARED_ERROR = Declared(
    "quality_root_mean_squared_error",
    Type.GAUGE,
    "label units",
    "Root mean squared error of a regression over its latest labels.",
    ("version",),
)
QUALITY_BIAS = Declared(
    "quality_bias",
    Type.GAUGE,
    "label units",
    "Mean of score minus label of a regression over its latest labels.",
    ("version",),
)

METRICS = (
    LABELS,
    LABELS_WAITING,
    QUALITY_LABELS,
    QUALITY_AUC,
    QUALITY_LOG_LOSS,
    QUALITY_ERROR,
    QUALITY_CALIBRATION_ERROR,
    QUALITY_ABSOLUTE_ERROR,
    QUALITY_ROOT_MEAN_SQUARED_ERROR,
    QUALITY_BIAS,
)
