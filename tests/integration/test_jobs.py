"""Batch jobs as users run them: submitted to one sidecar, worked on by another process, asked for anywhere."""

import pytest

from tests.integration.calls import read_metric
from tests.integration.commands import run_command
from tests.integration.job_calls import await_job, call, read_results, submit, to_lines

pytestmark = pytest.mark.kafka


def test_a_job_is_submitted_here_worked_on_there_and_read_anywhere(deploy_jobs, streamed_flights):
    """All roles in one process, and a sidecar that starts later; bad rows have errors, others what LightGBM says."""
    rows = [dict(row) for row in streamed_flights.rows[:5000]]
    rows[1234] = {"nonsense": 1}
    first = deploy_jobs("first", []).await_ready()
    job = submit(first.url, to_lines(rows))
    done = await_job(first.url, job["job_id"])
    assert (done["status"], done["rows"], done["rows_failed"]) == ("succeeded", 5000, 1)

    second = deploy_jobs("second", ["http"]).await_ready()
    assert await_job(second.url, job["job_id"]) == done, "503 until it has read all events, and never 404"
    results = read_results(second.url, job["job_id"])
    assert len(results) == 5000
    assert "prediction" not in results[1234]
    assert results[1234]["errors"]
    expected = streamed_flights.expected[:5000].tolist()
    assert [r["prediction"] for n, r in enumerate(results) if n != 1234] == expected[:1234] + expected[1235:]
    for service, ended_meanwhile in ((first, 1), (second, 0)):
        assert read_metric(service, 'jobs{status="succeeded"}') == 1
        assert read_metric(service, 'jobs_ended_total{status="succeeded"}') == ended_meanwhile
    assert first.terminate() == second.terminate() == 0


def test_a_worker_that_is_killed_in_the_middle_costs_nothing_but_time(deploy_jobs, streamed_flights):
    """Kill -9, and another one goes on; every row has exactly one result, and it is LightGBM's."""
    rows = streamed_flights.rows * (60_000 // len(streamed_flights.rows) + 1)
    rows = rows[:60_000]
    sidecar = deploy_jobs("sidecar", ["http"]).await_ready()
    worker = deploy_jobs("worker", ["jobs"], MEMBER_ID="worker").await_ready()
    job = submit(sidecar.url, to_lines(rows))
    while call(f"{sidecar.url}/batch/{job['job_id']}")[1]["rows_done"] < 10_000:
        pass
    worker.kill()
    assert call(f"{sidecar.url}/batch/{job['job_id']}")[1]["status"] == "running"
    worker.start()

    done = await_job(sidecar.url, job["job_id"])
    assert (done["status"], done["rows_done"], done["rows_failed"]) == ("succeeded", 60_000, 0)
    results = read_results(sidecar.url, job["job_id"])
    known = streamed_flights.expected.tolist()
    assert [r["instance"] for r in results] == list(range(60_000))
    assert [r["prediction"] for r in results] == [known[n % len(known)] for n in range(60_000)]


def test_of_two_live_workers_with_one_name_the_older_ends_and_says_which_variable(deploy_jobs, streamed_flights):
    """Neither takes the name back from the other for ever, and the job is done by the younger."""
    sidecar = deploy_jobs("sidecar", ["http"]).await_ready()
    older = deploy_jobs("older", ["jobs"], MEMBER_ID="one").await_ready()
    younger = deploy_jobs("younger", ["jobs"], MEMBER_ID="one").await_ready()
    rows = streamed_flights.rows
    job = submit(sidecar.url, to_lines(rows))
    assert older.process.wait(30) == 1
    assert "SCORELINE_MEMBER_ID" in older.last_words()
    done = await_job(sidecar.url, job["job_id"])
    assert (done["status"], done["rows_done"]) == ("succeeded", len(rows))
    assert younger.terminate() == 0


def test_a_missing_topic_of_jobs_is_named_with_what_makes_it(deploy_jobs):
    done = run_command(
        ["run", "--role", "jobs"], {**deploy_jobs.base, "JOBS_TOPIC": "nobody-made-this", "HTTP_PORT": "0"}
    )
    said = done.stderr + done.stdout
    assert done.returncode == 3
    for topic in ("nobody-made-this", "nobody-made-this.bulk", "nobody-made-this.dead-letters"):
        assert topic in said
    assert "scoreline topics create" in said
