"""What the dashboard shows: rows of panels, each with its queries; `dashboard.py` beside it makes JSON of them."""

from deploy.grafana.panel import RATE, Row, by_labels, largest, quantiles, rate, share, show

PREDICTIONS = "scoreline_predictions_total"
ANSWERING = 'path!="shadow"'
ASKED = 'route!~"(/v2)?/health.*"'
FAILED = f'status=~"5..", {ASKED}'
NEEDED = 'component!~"labels|drift"'
BUT_TOMBSTONES = 'reason!="tombstone"'

READY = ((0, "not ready", "red"), (1, "ready", "green"))
STATES = ((-1, "no data", "gray"), (0, "ok", "green"), (1, "warning", "orange"), (2, "drift", "red"))

OVERVIEW = Row(
    "Overview",
    (
        show("Ready", "none", (f"min(scoreline_component_ready{{{NEEDED}}})", ""), kind="stat", width=3, states=READY),
        show("Alive", "none", (f"min(scoreline_component_alive{{{NEEDED}}})", ""), kind="stat", width=3, states=READY),
        show("Records a second", "short", rate("scoreline_records_total"), kind="stat", width=3),
        show("Requests a second", "reqps", rate("scoreline_http_requests_total"), kind="stat", width=3),
        show(
            "Dead letters",
            "percentunit",
            (share("scoreline_dead_letters_total", "scoreline_records_total", of=BUT_TOMBSTONES), ""),
            kind="stat",
            width=4,
            bad_at=0.01,
        ),
        show(
            "Failed requests",
            "percentunit",
            (share("scoreline_http_requests_total", "scoreline_http_requests_total", of=FAILED, among=ASKED), ""),
            kind="stat",
            width=4,
            bad_at=0.05,
        ),
        show("Largest lag", "s", ("max(scoreline_consumer_lag_seconds)", ""), kind="stat", width=4, bad_at=60),
        show(
            "Components",
            "none",
            ("scoreline_component_ready", "{{instance}} {{role}} {{component}}"),
            kind="state-timeline",
            width=12,
            states=READY,
        ),
        show("Predictions", "short", rate("scoreline_predictions_total", "path"), width=12),
    ),
)

STREAM = Row(
    "Stream",
    (
        show("Records by outcome", "short", rate("scoreline_records_total", "topic", "outcome")),
        show(
            "Lag in seconds",
            "s",
            ("max by (topic, partition) (scoreline_consumer_lag_seconds)", "{{topic}}/{{partition}}"),
        ),
        show(
            "Lag in records",
            "short",
            ("max by (topic, partition) (scoreline_consumer_lag_records)", "{{topic}}/{{partition}}"),
        ),
        show("Stages, p50", "s", *quantiles("scoreline_stage_seconds", 0.5, by="stage")),
        show("Stages, p95", "s", *quantiles("scoreline_stage_seconds", 0.95, by="stage")),
        show(
            "Share of the loop's time",
            "percentunit",
            (f"sum by (stage) (rate(scoreline_stage_seconds_sum{RATE}))", "{{stage}}"),
        ),
        show("From record to prediction", "s", *quantiles("scoreline_end_to_end_seconds", 0.5, 0.95, 0.99)),
        show("Records in a batch", "short", *quantiles("scoreline_batch_records", 0.5, 0.95)),
        show("Assigned partitions", "short", ("scoreline_assigned_partitions", "{{instance}}")),
        show("Commits", "ops", rate("scoreline_commits_total", "outcome")),
        show("Transactions", "ops", rate("scoreline_transactions_total", "outcome")),
        show("Rebalances", "ops", rate("scoreline_rebalances_total", "instance")),
        show("Batches rolled back", "ops", rate("scoreline_batches_rolled_back_total", "error")),
        show("Client errors", "ops", rate("scoreline_client_errors_total", "error")),
        show("Turns of the loop", "ops", rate("scoreline_loop_turns_total", "instance")),
    ),
)

DEAD_LETTERS = Row(
    "Dead letters",
    (
        show("By reason", "short", rate("scoreline_dead_letters_total", "reason"), width=12),
        show(
            "Share of the records",
            "percentunit",
            (
                share("scoreline_dead_letters_total", "scoreline_records_total", of=BUT_TOMBSTONES),
                "all but tombstones",
            ),
            width=12,
        ),
    ),
)

HTTP = Row(
    "HTTP",
    (
        show("Requests by route", "reqps", rate("scoreline_http_requests_total", "route")),
        show("Requests by status", "reqps", rate("scoreline_http_requests_total", "status")),
        show("In flight", "short", ("scoreline_http_in_flight", "{{instance}}")),
        show("p50", "s", *quantiles("scoreline_http_request_seconds", 0.5, by="route")),
        show("p95", "s", *quantiles("scoreline_http_request_seconds", 0.95, by="route")),
        show("p99", "s", *quantiles("scoreline_http_request_seconds", 0.99, by="route")),
    ),
)

MODELS = Row(
    "Models and versions",
    (
        show(
            "Share of the predictions",
            "percentunit",
            (
                share(PREDICTIONS, PREDICTIONS, "version", of=ANSWERING, among=ANSWERING),
                "version {{version}}",
            ),
        ),
        show(
            "Loaded versions",
            "none",
            ("sum by (model, version, engine) (scoreline_model_info)", "{{model}} {{version}} {{engine}}"),
        ),
        show("Looks at the alias", "ops", rate("scoreline_model_reloads_total", "outcome")),
        show("Time to load", "s", *quantiles("scoreline_model_load_seconds", 0.5, 0.95)),
        show("Compilations", "ops", rate("scoreline_model_compilations_total", "outcome")),
        show("Shadows: predictions dropped", "short", rate("scoreline_shadow_dropped_total", "instance")),
        show(
            "Shadows: rows compared",
            "short",
            ("sum by (version, shadow) (scoreline_shadow_compared)", "{{version}} and {{shadow}}"),
        ),
        show(
            "Shadows: difference",
            "short",
            ("scoreline_shadow_difference_mean", "{{instance}} {{version}} and {{shadow}} mean"),
            ("scoreline_shadow_difference", "{{instance}} {{version}} and {{shadow}} {{fraction}}"),
        ),
        show(
            "Shadows: agreement",
            "percentunit",
            ("scoreline_shadow_agreement_ratio", "{{instance}} {{version}} and {{shadow}} same label"),
            ("scoreline_shadow_rank_correlation", "{{instance}} {{version}} and {{shadow}} rank correlation"),
        ),
    ),
)

PER_FEATURE = "version {{version}} {{feature}}"
PER_VERSION = "version {{version}}"

DRIFT = Row(
    "Drift and quality",
    (
        show(
            "States",
            "none",
            ("max by (version, feature) (scoreline_drift_state)", PER_FEATURE),
            kind="state-timeline",
            width=24,
            states=STATES,
        ),
        show("Scores", "short", (largest("scoreline_drift_score", "version", "feature"), PER_FEATURE)),
        show(
            "Missing",
            "percentunit",
            (largest("scoreline_feature_missing_ratio", "version", "feature"), PER_FEATURE),
        ),
        show(
            "Unseen",
            "percentunit",
            (largest("scoreline_feature_unseen_ratio", "version", "feature"), PER_FEATURE),
        ),
        show(
            "Mean prediction",
            "short",
            ("avg by (version, output) (scoreline_prediction_mean)", "version {{version}} {{output}}"),
        ),
        show("Drift raised and cleared", "ops", rate("scoreline_drift_events_total")),
        show(
            "Drift that was lost",
            "short",
            ("sum(increase(scoreline_drift_events_dropped_total[1h]))", "events that missed their topic"),
            ("sum(increase(scoreline_drift_windows_dropped_total[1h]))", "windows that were not judged"),
        ),
        show("Labels", "short", rate("scoreline_labels_total", "outcome")),
        show(
            "Labels behind the quality",
            "short",
            ("sum by (version) (scoreline_quality_labels)", PER_VERSION),
            ("sum(scoreline_labels_waiting)", "waiting for their prediction"),
        ),
        show("AUC", "short", (by_labels("auc"), PER_VERSION), width=6),
        show("Log loss", "short", (by_labels("log_loss"), PER_VERSION), width=6),
        show("Error", "short", (by_labels("error"), PER_VERSION), width=6),
        show("Calibration", "short", (by_labels("calibration_error"), PER_VERSION), width=6),
        show(
            "Errors of regressions",
            "short",
            (by_labels("absolute_error"), f"{PER_VERSION} mean absolute"),
            (by_labels("root_mean_squared_error", squares=True), f"{PER_VERSION} root mean squared"),
            width=12,
        ),
        show("Bias of regressions", "short", (by_labels("bias"), PER_VERSION), width=12),
    ),
)

JOBS = Row(
    "Jobs",
    (
        show("Jobs by status", "short", ("max by (status) (scoreline_jobs)", "{{status}}")),
        show(
            "Jobs that ended within an hour",
            "short",
            ("max by (status) (increase(scoreline_jobs_ended_total[1h]))", "{{status}}"),
        ),
        show("Rows by outcome", "short", rate("scoreline_job_rows_total", "outcome")),
    ),
)

PROCESS = Row(
    "Process",
    (
        show("Processor", "percentunit", rate("process_cpu_seconds_total", "instance")),
        show("Resident memory", "bytes", ("process_resident_memory_bytes", "{{instance}}")),
        show("Open descriptors", "percentunit", ("process_open_fds / process_max_fds", "{{instance}}"), bad_at=0.8),
        show("Spans by outcome", "short", rate("scoreline_trace_spans_total", "outcome")),
        show("Up for", "s", ("time() - process_start_time_seconds", "{{instance}}")),
        show(
            "Builds",
            "none",
            ("sum by (version, python) (scoreline_build_info)", "scoreline {{version}}, Python {{python}}"),
        ),
    ),
)

ROWS = (OVERVIEW, STREAM, DEAD_LETTERS, HTTP, MODELS, DRIFT, JOBS, PROCESS)
