"""What a scraper sees of batch jobs."""

from prometheus_client.parser import text_string_to_metric_families

from scoreline.jobs.job import JobStatus
from scoreline.observability.metrics import Metrics
from scoreline.observability.metrics.partitions import Lag
from scoreline.records import TopicPartition

LANE = TopicPartition("jobs", 0)


def read(metrics, name):
    families = text_string_to_metric_families(metrics.render("")[0].decode())
    samples = [sample for family in families for sample in family.samples if sample.name == f"scoreline_{name}"]
    return {tuple(sample.labels.values()): sample.value for sample in samples}


def test_rows_are_counted_by_what_became_of_them_and_predictions_by_version():
    metrics = Metrics()
    assert read(metrics, "job_rows_total") == {("predicted",): 0, ("failed",): 0, ("passed_over",): 0}
    metrics.jobs.rows_scored(3, 100, 10)
    metrics.jobs.rows_scored(4, 5, 5)
    metrics.jobs.rows_passed_over(7)

    assert read(metrics, "job_rows_total") == {("predicted",): 90, ("failed",): 15, ("passed_over",): 7}
    assert read(metrics, "predictions_total") == {("jobs", "3"): 90}


def test_jobs_are_counted_anew_for_every_scrape():
    metrics, jobs = Metrics(), {"running": 2, "failed": 0}
    metrics.watch_jobs(lambda: jobs)
    assert read(metrics, "jobs") == {("running",): 2, ("failed",): 0}
    jobs["running"] = 1
    assert read(metrics, "jobs")["running",] == 1


def test_no_job_is_shown_while_it_is_not_known_how_many_there_are():
    metrics, jobs = Metrics(), {}
    metrics.watch_jobs(lambda: jobs)
    assert read(metrics, "jobs") == {}
    jobs["failed"] = 3
    assert read(metrics, "jobs") == {("failed",): 3}
    jobs.clear()
    assert read(metrics, "jobs") == {}


def test_jobs_that_end_are_counted_from_none_by_how_they_ended():
    metrics = Metrics()
    assert read(metrics, "jobs_ended_total") == {(status.value,): 0 for status in JobStatus if status.ended}
    metrics.jobs.job_ended(JobStatus.FAILED)
    assert read(metrics, "jobs_ended_total") == {("succeeded",): 0, ("failed",): 1, ("cancelled",): 0}


def test_lanes_are_told_apart_from_the_partitions_of_the_stream():
    metrics, partition = Metrics(), TopicPartition("features", 0)
    metrics.assigned([partition])
    metrics.jobs.assigned([LANE])
    metrics.jobs.set_lag(LANE, 7, 900.0)
    assert metrics.read_lags() == {partition: Lag(None, None)}
    assert metrics.jobs.read_lags() == {LANE: Lag(7, 900.0)}


def test_the_lag_of_a_lane_is_shown_as_long_as_it_is_a_workers():
    metrics = Metrics()
    metrics.jobs.set_lag(LANE, 7, 1.0)
    assert read(metrics, "consumer_lag_records") == {}
    metrics.jobs.assigned([LANE])
    metrics.jobs.set_lag(LANE, 7, 1.0)
    assert read(metrics, "consumer_lag_records") == {("0", "jobs"): 7}
    metrics.jobs.set_lag(LANE, 3, None)
    assert read(metrics, "consumer_lag_seconds") == {}
    metrics.jobs.lost([LANE])
    assert read(metrics, "consumer_lag_records") == {}
