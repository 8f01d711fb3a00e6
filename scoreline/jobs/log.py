"""Tells what becomes of batch jobs: when there is one, and how it ends; nothing of what is in it."""

import logging
from collections.abc import Callable

from scoreline.jobs.events import JobEvent
from scoreline.jobs.job import JobSnapshot, JobStatus
from scoreline.jobs.view import JobView

logger = logging.getLogger("scoreline.jobs")


class LoggingView:
    """Applies events to a view, and logs each job that they begin or end.

    Args:
        tell_ended: called with how a job has ended; may not raise.
    """

    def __init__(self, view: JobView, tell_ended: Callable[[JobStatus], None]) -> None:
        self._view = view
        self._tell_ended = tell_ended

    def apply(self, event: JobEvent, partition: int, trace_id: str | None = None) -> None:
        """See `JobView.apply`.

        Args:
            trace_id: that the event's record belongs to.
        """
        before, after = self._view.apply(event, partition)
        begins = before is None and after is not None
        ends = False
        if after is not None and after.ended and not (before is not None and before.ended):
            ends = True
            self._tell_ended(after)
        job = self._view.find(event.job_id) if begins or ends else None
        if job is None:
            return
        if begins:
            _log(job, "submitted", trace_id)
        if ends:
            _log(job, job.status.value, trace_id)


def _log(job: JobSnapshot, what: str, trace_id: str | None) -> None:
    fields: dict[str, object] = {
        "event": f"job_{what}",
        "job_id": job.job_id,
        "trace_id": trace_id,
        "model": job.model,
        "version": job.version,
        "rows": job.rows,
        "chunks": job.chunks,
    }
    if job.finished_at_ms is not None and what != "submitted":
        seconds = max(0, job.finished_at_ms - job.submitted_at_ms) / 1000
        fields |= {"rows_done": job.rows_done, "rows_failed": job.rows_failed, "seconds": seconds}
    level = logging.INFO
    if what == JobStatus.FAILED:
        level = logging.WARNING
        fields["detail"] = job.detail or ""
    logger.log(level, "job %s %s: %d rows", job.job_id, what, job.rows, extra=fields)
