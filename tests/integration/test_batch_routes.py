"""The routes of batch jobs over a real Kafka: two sidecars behind a round-robin, and nobody who works on jobs."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import pytest

from tests.integration.job_calls import call, submit, to_lines

pytestmark = pytest.mark.kafka

NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def sidecars(deploy_jobs):
    """Addresses of two sidecars that have read all events."""
    running = [deploy_jobs(name, ["http"]) for name in ("one", "two")]
    urls = [sidecar.await_ready().url for sidecar in running]
    for url in urls:
        submit(url, b"{}")
    return urls


@pytest.fixture
def lines(streamed_flights):
    return to_lines(dict(row) for row in streamed_flights.rows[:50])


def test_a_job_that_was_accepted_here_is_known_there_at_once(sidecars, lines):
    """Never a false 404: whoever asks, and however soon."""
    here = cycle(sidecars)
    for _ in range(30):
        status, job = call(f"{next(here)}/batch", lines, NDJSON)
        assert status == 202, job
        status, shown = call(f"{next(here)}/batch/{job['job_id']}")
        assert (status, shown["rows"]) == (200, 50), shown
        next(here)
    listed = [{each["job_id"] for each in call(f"{url}/batch")[1]["jobs"]} for url in sidecars]
    assert listed[0] == listed[1]
    assert len(listed[0]) == 32


def test_of_uploads_that_race_under_one_key_one_is_the_job(sidecars, lines):
    bodies = [lines, lines + b"{}\n", lines[:-1], b"{}"]
    for race in range(5):
        headers = {**NDJSON, "Idempotency-Key": f"race-{race}"}
        asked = [(f"{sidecars[i % 2]}/batch", bodies[i // 2], headers) for i in range(8)]
        with ThreadPoolExecutor(len(asked)) as pool:
            answers = list(pool.map(call, *zip(*asked, strict=True)))
        accepted = [i for i, (status, _) in enumerate(answers) if status == 202]
        assert [status for status, _ in answers if status != 202] == [422] * 6
        assert len({asked[i][1] for i in accepted}) == 1
        assert len({answers[i][1]["job_id"] for i in accepted}) == 1


def test_a_job_is_cancelled_from_elsewhere_and_has_no_results(sidecars, lines):
    here, there = sidecars
    status, job = call(f"{here}/batch", gzip.compress(lines), {**NDJSON, "Content-Encoding": "gzip"})
    assert (status, job["rows"]) == (202, 50)
    assert call(f"{there}/batch/{job['job_id']}", method="DELETE")[1]["status"] == "cancelled"
    status, problem = call(f"{here}/batch/{job['job_id']}/results")
    assert (status, problem["type"].rpartition(":")[2]) in ((409, "no-results"), (409, "job-not-finished"))
