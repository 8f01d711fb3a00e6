"""Of batch jobs."""

from scoreline.observability.metrics.catalogue.declared import Declared, Type

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

METRICS = (
    JOBS,
    JOBS_ENDED,
    JOB_ROWS,
)
