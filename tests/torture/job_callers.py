"""Callers who submit batch jobs whatever is killed, and compare every row of every result with the oracle."""

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass

from scoreline.client import Client
from scoreline.client.answers import JobStatus
from scoreline.client.retries import Retries
from tests.torture.tiny import DIFFERENT

POISON_EVERY = 97
POISON_LINE = b'{"a": "no number"}\n'
PATIENT = Retries(attempts=1000, longest_pause_seconds=1.0)
ENDS_WITHIN_SECONDS = 120.0
NAMED_AT_MOST = 5
CALLERS = 3


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that a caller has seen through."""

    job_id: str
    status: JobStatus
    rows: int
    chunks: int
    took_seconds: float


class JobCallers:
    """A few threads that take one job after the other.

    Args:
        url: of the sidecar.
        versions: a `tests.torture.versions.Versions`; its first version scores.
        sizes: rows of each job.

    Attributes:
        ended: the jobs that were seen through.
        wrong: everything that is not as promised, in words.
    """

    def __init__(self, url, versions, sizes):
        self._url, self._expected = url, versions.scores[1]
        self._lines = [json.dumps(instance).encode() + b"\n" for instance in versions.instances]
        self._sizes = dict(enumerate(sizes))
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._call, name=f"caller-{n}") for n in range(CALLERS)]
        self.ended: list[Ended] = []
        self.wrong: list[str] = []

    def start(self):
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join()

    @property
    def running(self):
        return any(thread.is_alive() for thread in self._threads)

    def count_statuses(self):
        return dict(Counter(str(each.status) for each in self.ended))

    def _call(self):
        with Client(self._url, retries=PATIENT, timeout_seconds=ENDS_WITHIN_SECONDS) as client:
            while True:
                with self._lock:
                    if not self._sizes:
                        return
                    number, rows = self._sizes.popitem()
                try:
                    self._see_through(client, number, rows)
                except Exception as error:  # noqa: BLE001 - told with the others, and the other jobs go on
                    self._note(f"job {number}: {type(error).__name__}: {error}")

    def _see_through(self, client, number, rows):
        began = time.monotonic()
        job = client.submit(self._make_body(rows), idempotency_key=f"torture-{number}")
        job = client.wait(job.job_id, timeout_seconds=ENDS_WITHIN_SECONDS)
        took = time.monotonic() - began
        poisoned = sum(is_poisoned(row) for row in range(rows))
        if (job.rows, job.rows_done, job.rows_failed) != (rows, rows, poisoned):
            self._note(f"job {number} of {rows} rows, {poisoned} of them poison, says of itself {job}")
        found = 0
        for result in client.results(job.job_id):
            if result.instance != found:
                self._note(f"job {number}: row {result.instance} comes where {found} should")
            found = result.instance + 1
            expected = None if is_poisoned(result.instance) else self._expected[result.instance % DIFFERENT]
            if result.prediction != expected or bool(result.errors) != (expected is None):
                self._note(f"job {number}: row {result.instance} is {result}, not {expected}")
        if found != rows:
            self._note(f"job {number}: {found} of {rows} rows have a result")
        with self._lock:
            self.ended.append(Ended(job.job_id, job.status, rows, job.chunks, took))

    def _make_body(self, rows):
        lines = self._lines
        return b"".join(POISON_LINE if is_poisoned(row) else lines[row % DIFFERENT] for row in range(rows))

    def _note(self, trouble):
        with self._lock:
            if len(self.wrong) < NAMED_AT_MOST:
                self.wrong.append(trouble)


def is_poisoned(row):
    """Whether that row of a job cannot be scored."""
    return row % POISON_EVERY == POISON_EVERY - 1
