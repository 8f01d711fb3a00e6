"""Batch jobs over HTTP as a caller sees them, with nothing but the standard library."""

import json
import time
import urllib.error
import urllib.request

ANSWER_SECONDS = 30.0


def to_lines(rows):
    """NDJSON of rows."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def submit(url, lines, **headers):
    """The job object of an accepted upload; a sidecar that still reads events is asked again."""
    deadline = time.monotonic() + ANSWER_SECONDS
    headers = {"Content-Type": "application/x-ndjson", **headers}
    while True:
        status, job = call(f"{url}/batch?ignore_unknown=true", lines, headers)
        if status != 503 or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert status == 202, job
    return job


def call(url, body=None, headers=None, method=None):
    """Status and JSON of an answer."""
    request = urllib.request.Request(
        url, body, {k.replace("_", "-"): v for k, v in (headers or {}).items()}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def ask_until_answered(url):
    """Ask until the sidecar is there, and knows its jobs."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            if call(url)[0] == 200:
                return
        except OSError:  # it is being started
            pass
        assert time.monotonic() < deadline, "the sidecar has not answered"
        time.sleep(0.05)


def await_job(url, job_id, within_seconds=60.0):
    """The job when it has ended."""
    deadline = time.monotonic() + within_seconds
    while True:
        status, job = call(f"{url}/batch/{job_id}")
        assert status in (200, 503), job
        if status == 200 and job["status"] not in ("queued", "running"):
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.05)


def read_results(url, job_id):
    """Every row of the results, streamed."""
    request = urllib.request.Request(f"{url}/batch/{job_id}/results", headers={"Accept": "application/x-ndjson"})
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return [json.loads(line) for line in answer]
    except urllib.error.HTTPError as error:
        with error:
            raise AssertionError(f"{error.code}: {error.read().decode()}") from None
