"""All metrics that scoreline shows, declared once: name, type, unit, labels, meaning. Docs and tests read it here."""

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "scoreline_"


class Type(StrEnum):
    """What a scraper may do with a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric family.

    Attributes:
        name: without the prefix.
        unit: of its values; empty where it is a mere flag.
        labels: each of them takes a bounded number of values.
        bounds: inclusive upper bounds of a histogram's buckets, ascending, without infinity.
    """

    name: str
    type: Type
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """As a scraper sees it."""
        return PREFIX + self.name

    @property
    def named_unit(self) -> str:
        """The unit where the name ends with it, as OpenMetrics asks; else empty."""
        return self.unit if self.unit and self.name.removesuffix("_total").endswith(self.unit) else ""


def _decades(first_exponent: int, last_exponent: int, *more: float) -> tuple[float, ...]:
    """1, 2.5 and 5 times each power of ten, then `more`."""
    steps = [float(f"{m}e{e}") for e in range(first_exponent, last_exponent + 1) for m in (1, 2.5, 5)]
    return (*steps, *more)


STAGE_BOUNDS = _decades(-6, 0, 10.0, 30.0, 60.0, 300.0)
REQUEST_BOUNDS = _decades(-5, 0, 10.0, 30.0, 60.0, 300.0)
END_TO_END_BOUNDS = _decades(-3, 0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
LOAD_BOUNDS = _decades(-2, 1, 120.0)
BATCH_BOUNDS = tuple(float(2**n) for n in range(15))

COMPONENT_READY = Declared(
    "component_ready",
    Type.GAUGE,
    "",
    "1 where a component can do its work, 0 where it cannot; /health has the reason. Role `all`: every role needs it."
    " `drift` and `labels` only watch: the process is ready without them.",
    ("component", "role"),
)
COMPONENT_ALIVE = Declared(
    "component_alive",
    Type.GAUGE,
    "",
    "1 where a component's loop turns, whatever is away; 0: the process has to be restarted, but not for `drift` and"
    " `labels`, which only watch.",
    ("component", "role"),
)
RECORDS = Declared(
    "records_total",
    Type.COUNTER,
    "records",
    "Records finished, by what became of them: predicted, dead_letter, skipped or forwarded (tombstones).",
    ("topic", "outcome"),
)
DEAD_LETTERS = Declared(
    "dead_letters_total", Type.COUNTER, "records", "Records put on the dead-letter topic, by reason.", ("reason",)
)
PREDICTIONS = Declared(
    "predictions_total",
    Type.COUNTER,
    "predictions",
    "Predictions made, by the way in (stream, http, jobs; shadow: what answers nobody) and the model version.",
    ("path", "version"),
)
BATCH_RECORDS = Declared(
    "batch_records", Type.HISTOGRAM, "records", "Records in a batch of the stream.", bounds=BATCH_BOUNDS
)
STAGE_SECONDS = Declared(
    "stage_seconds",
    Type.HISTOGRAM,
    "seconds",
    "Time that a batch of the stream spent in a stage: poll, decode, predict, encode, publish, commit.",
    ("stage",),
    STAGE_BOUNDS,
)
END_TO_END_SECONDS = Declared(
    "end_to_end_seconds",
    Type.HISTOGRAM,
    "seconds",
    "From a record's Kafka timestamp to the acknowledgement of its prediction.",
    bounds=END_TO_END_BOUNDS,
)
CONSUMER_LAG_RECORDS = Declared(
    "consumer_lag_records",
    Type.GAUGE,
    "records",
    "Offsets between the position and the end of an assigned partition; gone when the partition is.",
    ("topic", "partition"),
)
CONSUMER_LAG_SECONDS = Declared(
    "consumer_lag_seconds",
    Type.GAUGE,
    "seconds",
    "Age of the oldest record of an assigned partition that is not finished, by its Kafka timestamp; 0 if none.",
    ("topic", "partition"),
)
ASSIGNED_PARTITIONS = Declared(
    "assigned_partitions", Type.GAUGE, "partitions", "Partitions that are assigned to this member now."
)
REBALANCES = Declared(
    "rebalances_total",
    Type.COUNTER,
    "rebalances",
    "Changes of this member's assignment; a revocation or loss and the assignment after it count as one.",
)
COMMITS = Declared(
    "commits_total",
    Type.COUNTER,
    "commits",
    "Offset commits that the broker has answered: accepted, or refused (the next commit covers them).",
    ("outcome",),
)
TRANSACTIONS = Declared(
    "transactions_total",
    Type.COUNTER,
    "transactions",
    "Transactions that have ended (exactly once, and jobs): committed, or aborted (its batch is tried or read again).",
    ("outcome",),
)
LOOP_TURNS = Declared(
    "loop_turns_total",
    Type.COUNTER,
    "turns",
    "Turns of the stream's loop, which turns when idle too: without a rate it is stuck.",
)
ROLLED_BACK = Declared(
    "batches_rolled_back_total",
    Type.COUNTER,
    "batches",
    "Batches that could not be finished and were read again, by the error.",
    ("error",),
)
CLIENT_ERRORS = Declared(
    "client_errors_total",
    Type.COUNTER,
    "errors",
    "Situations that the Kafka client reported and goes on trying in, by librdkafka's name for them.",
    ("error",),
)
HTTP_REQUESTS = Declared(
    "http_requests_total",
    Type.COUNTER,
    "requests",
    "Requests answered, by the route's pattern and the status.",
    ("route", "status"),
)
HTTP_REQUEST_SECONDS = Declared(
    "http_request_seconds", Type.HISTOGRAM, "seconds", "Time to answer a request.", ("route",), REQUEST_BOUNDS
)
HTTP_IN_FLIGHT = Declared("http_in_flight", Type.GAUGE, "requests", "Requests that are being answered now.")
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
JOBS = Declared(
    "jobs",
    Type.GAUGE,
    "jobs",
    "Batch jobs by status, of all that the events topic still knows: queued, running, succeeded, failed, cancelled; "
    "there when all events have been read.",
    ("status",),
)
JOBS_ENDED = Declared(
    "jobs_ended_total",
    Type.COUNTER,
    "jobs",
    "Batch jobs that ended while this process was looking: succeeded, failed, cancelled. Every process sees them all.",
    ("status",),
)
JOB_ROWS = Declared(
    "job_rows_total",
    Type.COUNTER,
    "rows",
    "Rows of batch jobs: predicted here, failed (their errors are in the results), or passed_over (of another model).",
    ("outcome",),
)
TRACE_SPANS = Declared(
    "trace_spans_total",
    Type.COUNTER,
    "spans",
    "Spans that were recorded: exported, failed (not taken by the collector in time), or dropped (too many waited).",
    ("outcome",),
)
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
BUILD_INFO = Declared(
    "build_info", Type.GAUGE, "", "1, with the versions of scoreline and Python.", ("version", "python")
)

CATALOGUE: tuple[Declared, ...] = (
    COMPONENT_READY,
    COMPONENT_ALIVE,
    RECORDS,
    DEAD_LETTERS,
    PREDICTIONS,
    BATCH_RECORDS,
    STAGE_SECONDS,
    END_TO_END_SECONDS,
    CONSUMER_LAG_RECORDS,
    CONSUMER_LAG_SECONDS,
    ASSIGNED_PARTITIONS,
    REBALANCES,
    COMMITS,
    TRANSACTIONS,
    LOOP_TURNS,
    ROLLED_BACK,
    CLIENT_ERRORS,
    HTTP_REQUESTS,
    HTTP_REQUEST_SECONDS,
    HTTP_IN_FLIGHT,
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
    JOBS,
    JOBS_ENDED,
    JOB_ROWS,
    TRACE_SPANS,
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
    DRIFT_STATE,
    DRIFT_SCORE,
    FEATURE_MISSING_RATIO,
    FEATURE_UNSEEN_RATIO,
    PREDICTION_MEAN,
    DRIFT_EVENTS,
    DRIFT_EVENTS_DROPPED,
    DRIFT_WINDOWS_DROPPED,
    BUILD_INFO,
)
"""In the order of exposition."""


def format_table() -> str:
    """The catalogue as a Markdown table, as docs/operations.md shows it."""
    rows = ["| metric | type | unit | meaning |", "| --- | --- | --- | --- |"]
    for metric in CATALOGUE:
        labels = "{" + ",".join(metric.labels) + "}" if metric.labels else ""
        rows.append(f"| `{metric.full_name}{labels}` | {metric.type} | {metric.unit or '-'} | {metric.meaning} |")
    return "\n".join(rows) + "\n"
