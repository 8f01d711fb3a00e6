"""Of drift: how features and outputs stand beside the training, and what became of events."""

from scoreline.observability.metrics.catalogue.declared import Declared, Type

DRIFT_STATE = Declared(
    "drift_state",
    Type.GAUGE,
    "",
    "State of a feature or output of a version: 0 ok, 1 warning, 2 drift, -1 no data; of the 500 used most.",
    ("version", "feature"),
)
DRIFT_SCORE = Declared(
    "drift_score",
    Type.GAUGE,
    "",
    "The largest statistic of a feature or output over its threshold in the last window: 1 is where a state begins.",
    ("version", "feature"),
)
FEATURE_MISSING_RATIO = Declared(
    "feature_missing_ratio", Type.GAUGE, "", "Share of nulls in the last window.", ("version", "feature")
)
FEATURE_UNSEEN_RATIO = Declared(
    "feature_unseen_ratio",
    Type.GAUGE,
    "",
    "Share of levels in the last window that the training did not have.",
    ("version", "feature"),
)
PREDICTION_MEAN = Declared(
    "prediction_mean",
    Type.GAUGE,
    "",
    "Mean of an output in the last window, in its own unit; of a multi-class model one for each class.",
    ("version", "output"),
)
DRIFT_EVENTS = Declared(
    "drift_events_total",
    Type.COUNTER,
    "events",
    "Changes of the state of a feature or output, raised and cleared.",
)
DRIFT_EVENTS_DROPPED = Declared(
    "drift_events_dropped_total",
    Type.COUNTER,
    "events",
    "Changes that did not get to the topic of drift events; the log and /drift tell of them all the same.",
)
DRIFT_WINDOWS_DROPPED = Declared(
    "drift_windows_dropped_total",
    Type.COUNTER,
    "windows",
    "Windows that were never judged, because too many waited.",
)

METRICS = (
    DRIFT_STATE,
    DRIFT_SCORE,
    FEATURE_MISSING_RATIO,
    FEATURE_UNSEEN_RATIO,
    PREDICTION_MEAN,
    DRIFT_EVENTS,
    DRIFT_EVENTS_DROPPED,
    DRIFT_WINDOWS_DROPPED,
)
