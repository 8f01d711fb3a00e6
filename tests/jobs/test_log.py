"""What is logged of jobs."""

import logging

from scoreline.jobs.events import Cancelled, ChunkDone, ChunkFailed, Submitted
from scoreline.jobs.job import JobStatus
from scoreline.jobs.log import LoggingView
from scoreline.jobs.result import ResultPlace
from scoreline.jobs.view import JobView

JOB = "8c6f1f0e-0000-4000-8000-000000000001"
SUBMITTED = Submitted(JOB, JOB, 1_000_000, 2, 20, "flights", 3, b"d" * 32)


def make_view(tell_ended=lambda status: None):
    return LoggingView(JobView(lambda: 1000.0, results_retention_seconds=3600), tell_ended)


def log_of(caplog, *events):
    caplog.set_level(logging.INFO, "scoreline.jobs")
    view = make_view()
    for event in events:
        view.apply(event, 0)
    return [vars(record) for record in caplog.records]


def done(number, at_ms):
    return ChunkDone(JOB, JOB, at_ms, ResultPlace(number, number * 10, 10, number, 0, number))


def test_a_job_has_a_line_when_it_is_submitted_and_one_when_it_ends(caplog):
    submitted, succeeded = log_of(caplog, SUBMITTED, done(0, 1_001_000), done(1, 1_002_500), done(1, 1_003_000))

    assert (submitted["event"], submitted["job_id"], submitted["rows"]) == ("job_submitted", JOB, 20)
    assert (succeeded["event"], succeeded["rows_failed"], succeeded["seconds"]) == ("job_succeeded", 1, 2.5)
    assert (succeeded["model"], succeeded["version"]) == ("flights", 3)


def test_a_job_whose_chunks_were_done_before_it_was_submitted_has_both_lines_at_once(caplog):
    lines = log_of(caplog, done(0, 1_000_000), done(1, 1_000_000), SUBMITTED)
    assert [line["event"] for line in lines] == ["job_submitted", "job_succeeded"]


def test_a_job_that_fails_is_a_warning_with_its_reason(caplog):
    _, failed = log_of(caplog, SUBMITTED, ChunkFailed(JOB, JOB, 1_000_500, 1, "it is no chunk"))
    assert (failed["event"], failed["levelname"], failed["detail"]) == ("job_failed", "WARNING", "it is no chunk")


def test_a_job_is_cancelled_once(caplog):
    cancelled = Cancelled(JOB, JOB, 1_000_500)
    lines = log_of(caplog, SUBMITTED, cancelled, cancelled, done(0, 1_001_000))
    assert [line["event"] for line in lines] == ["job_submitted", "job_cancelled"]


def test_each_job_that_ends_is_told_of_once_with_how_it_ended():
    ended = []
    view = make_view(ended.append)
    for event in (SUBMITTED, done(0, 1_000_000), ChunkFailed(JOB, JOB, 1_000_500, 1, "it is no chunk")) * 2:
        view.apply(event, 0)
    assert ended == [JobStatus.FAILED]


def test_nothing_is_said_of_uploads_that_were_never_submitted(caplog):
    assert log_of(caplog, done(0, 1_000_000), Cancelled(JOB, JOB, 1_000_500)) == []


def test_a_job_is_only_looked_up_where_there_is_something_to_say():
    """A look counts all rows that are done, and a large job has an event for each of a hundred thousand chunks."""

    class Counting(JobView):
        looks = 0

        def find(self, job_id):
            self.looks += 1
            return super().find(job_id)

    counting = Counting(lambda: 1000.0, results_retention_seconds=3600)
    view = LoggingView(counting, lambda status: None)
    for event in (SUBMITTED, done(0, 1_000_000), done(0, 1_000_000), done(0, 1_000_000), done(1, 1_001_000)):
        view.apply(event, 0)
    assert counting.looks == 2


def test_a_line_names_the_trace_that_its_event_belongs_to(caplog):
    caplog.set_level(logging.INFO, "scoreline.jobs")
    view = make_view()
    view.apply(SUBMITTED, 0, "a" * 32)
    view.apply(Cancelled(JOB, JOB, 1_000_500), 0)

    assert [(r.event, r.trace_id) for r in caplog.records] == [("job_submitted", "a" * 32), ("job_cancelled", None)]
