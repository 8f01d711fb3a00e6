"""What a process shows of the jobs that all processes share."""

from types import SimpleNamespace

from scoreline.errors import Unavailable
from scoreline.jobs.view import JobView
from scoreline.service.shared_jobs import count_jobs
from tests.kafka.jobs.scenes import WEEK_SECONDS, make_order, make_submitted


def test_jobs_are_counted_when_all_events_have_been_read_and_not_before():
    view = JobView(lambda: 1000.0, results_retention_seconds=WEEK_SECONDS)
    view.apply(make_submitted(make_order(), 1, 1, at_ms=1_000_000), 0)

    def refuse():
        raise Unavailable("events are still being read")

    assert count_jobs(SimpleNamespace(check_ready=refuse), view) == {}
    counts = count_jobs(SimpleNamespace(check_ready=lambda: None), view)
    assert counts == {"queued": 1, "running": 0, "succeeded": 0, "failed": 0, "cancelled": 0}
