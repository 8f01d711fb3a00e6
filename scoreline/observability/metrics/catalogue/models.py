"""Of models: what is loaded, reloads, shadows, compilations."""

from scoreline.observability.metrics.catalogue.declared import Declared, Type, make_decades

LOAD_BOUNDS = make_decades(-2, 1, 120.0)

MODEL_INFO = Declared(
    "model_info",
    Type.GAUGE,
    "",
    "1 for each version that is loaded, with what computes it.",
    ("model", "version", "sha256", "engine"),
)
MODEL_RELOADS = Declared(
    "model_reloads_total",
    Type.COUNTER,
    "looks",
    "Looks at what the alias means that found something, by outcome: reloaded, rejected, store_away, failed.",
    ("outcome",),
)
MODEL_LOAD_SECONDS = Declared(
    "model_load_seconds", Type.HISTOGRAM, "seconds", "Time to make a version ready to serve.", bounds=LOAD_BOUNDS
)
SHADOW_DROPPED = Declared(
    "shadow_dropped_total",
    Type.COUNTER,
    "predictions",
    "Predictions of shadows that came to nothing: too many waited, they could not be made, or not be put out.",
)
SHADOW_COMPARED = Declared(
    "shadow_compared",
    Type.GAUGE,
    "rows",
    "Rows that a version has answered and a shadow has scored; gone when one of them is not loaded any more.",
    ("version", "shadow"),
)
SHADOW_DIFFERENCE_MEAN = Declared(
    "shadow_difference_mean",
    Type.GAUGE,
    "",
    "Mean of the shadow's score minus the answered one, in the scores' unit (classes: of the class answered).",
    ("version", "shadow"),
)
SHADOW_DIFFERENCE = Declared(
    "shadow_difference",
    Type.GAUGE,
    "",
    "Quantiles of the shadow's score minus the answered one, by the fraction below: 0.05, 0.5, 0.95.",
    ("version", "shadow", "fraction"),
)
SHADOW_AGREEMENT = Declared(
    "shadow_agreement_ratio",
    Type.GAUGE,
    "",
    "Share of rows to which both give the same label; multi-class models only.",
    ("version", "shadow"),
)
SHADOW_RANK_CORRELATION = Declared(
    "shadow_rank_correlation",
    Type.GAUGE,
    "",
    "Spearman's rank correlation of both scores over the latest 1024 rows; models with one score only.",
    ("version", "shadow"),
)
MODEL_COMPILATIONS = Declared(
    "model_compilations_total",
    Type.COUNTER,
    "attempts",
    "Attempts to compile a version, by outcome: compiled, cached, refused (LightGBM goes on), failed (tried again).",
    ("outcome",),
)

METRICS = (
    MODEL_INFO,
    MODEL_RELOADS,
    MODEL_LOAD_SECONDS,
    SHADOW_DROPPED,
    SHADOW_COMPARED,
    SHADOW_DIFFERENCE_MEAN,
    SHADOW_DIFFERENCE,
    SHADOW_AGREEMENT,
    SHADOW_RANK_CORRELATION,
    MODEL_COMPILATIONS,
)
