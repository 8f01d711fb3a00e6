"""Jobs and their results as commands show them."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from scoreline.cli.output import print_json, print_table
from scoreline.client import Job, RowError, RowResult

_INSTANCE_WIDTH, _PREDICTION_WIDTH = 10, 24


def print_jobs(jobs: Sequence[Job], *, as_json: bool) -> None:
    """A table of jobs, or one JSON array."""
    if as_json:
        print_json([describe_job(job) for job in jobs])
    else:
        print_table([_select_shown(job) for job in jobs])


def print_job(job: Job, *, as_json: bool) -> None:
    """One job: a table of one line, or a JSON object with the results of a small one."""
    if as_json:
        print_json(describe_job(job))
    else:
        print_table([_select_shown(job)])


def describe_job(job: Job) -> dict[str, Any]:
    """All that is known of a job, as the sidecar names it."""
    found: dict[str, Any] = {
        "job_id": job.job_id,
        "status": job.status.value,
        "model": job.model,
        "version": job.version,
        "rows": job.rows,
        "rows_done": job.rows_done,
        "rows_failed": job.rows_failed,
        "chunks": job.chunks,
        "chunks_done": job.chunks_done,
        "submitted_at": _write_time(job.submitted_at),
        "finished_at": None if job.finished_at is None else _write_time(job.finished_at),
        "detail": job.detail,
    }
    results = {"predictions": job.predictions, "labels": job.labels, "scores": job.scores}
    found |= {name: values for name, values in results.items() if values is not None}
    if job.predictions is not None:
        found["errors"] = [{"instance": error.instance, **_describe_error(error)} for error in job.errors]
    return found


def print_results(rows: Iterable[RowResult], *, as_json: bool) -> None:
    """Results one by one as they arrive, however many there are: a line each, or a JSON object."""
    if as_json:
        for row in rows:
            sys.stdout.write(json.dumps(_describe_row(row), ensure_ascii=False) + "\n")
        return
    for shown, row in enumerate(rows):
        if not shown:
            sys.stdout.write(f"{'instance':<{_INSTANCE_WIDTH}}  {'prediction':<{_PREDICTION_WIDTH}}  label\n")
        prediction = "-" if row.prediction is None else repr(row.prediction)
        rest = "; ".join(_tell(error) for error in row.errors) or row.label or "-"
        sys.stdout.write(f"{row.instance:<{_INSTANCE_WIDTH}}  {prediction:<{_PREDICTION_WIDTH}}  {rest}\n")


def _select_shown(job: Job) -> dict[str, object]:
    return {
        "job": job.job_id,
        "status": job.status.value,
        "version": job.version,
        "rows": job.rows,
        "done": job.rows_done,
        "failed": job.rows_failed,
        "submitted": _write_time(job.submitted_at),
        "detail": job.detail,
    }


def _describe_row(row: RowResult) -> dict[str, Any]:
    if row.errors:
        return {"instance": row.instance, "errors": [_describe_error(error) for error in row.errors]}
    beside = {"label": row.label, "scores": row.scores}
    return {
        "instance": row.instance,
        "prediction": row.prediction,
        **{name: value for name, value in beside.items() if value is not None},
    }


def _describe_error(error: RowError) -> dict[str, str]:
    return {"detail": error.detail} if error.feature is None else {"feature": error.feature, "detail": error.detail}


def _tell(error: RowError) -> str:
    told = error.feature is None or repr(error.feature) in error.detail
    return error.detail if told else f"{error.feature}: {error.detail}"


def _write_time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
