"""All jobs of the events topic, as this process has read of them so far."""

import threading
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scoreline.jobs.events import JobEvent
from scoreline.jobs.job import JobFold, JobSnapshot, JobStatus
from scoreline.jobs.result import ResultPlace
from scoreline.jobs.unsubmitted import UnsubmittedUploads
from scoreline.records import Clock


class Turn(NamedTuple):
    """What an event made of its job: its status before and after, None where there is no job."""

    before: JobStatus | None
    after: JobStatus | None


class JobView:
    """Jobs by their id. One thread applies events, any thread may ask; no call waits for anything but another call.

    An event that is applied twice changes nothing, so that a feed may begin anew anywhere before where it was.

    Args:
        wall_clock: seconds since the epoch.
        results_retention_seconds: for so long after its submission a job has results.
        events_retention_seconds: for so long it is known; a job that the topic has forgotten is forgotten here, too.
        keeps_places: whether anyone asks where results of jobs lie that have ended.
    """

    def __init__(
        self,
        wall_clock: Clock,
        *,
        results_retention_seconds: float,
        events_retention_seconds: float | None = None,
        keeps_places: bool = True,
    ) -> None:
        self._wall_clock = wall_clock
        self._results_ms = results_retention_seconds * 1000
        self._events_ms = self._results_ms * 2 if events_retention_seconds is None else events_retention_seconds * 1000
        self._keeps_places = keeps_places
        self._lock = threading.Lock()
        self._jobs: dict[str, JobFold] = {}
        self._by_time: list[tuple[int, str]] = []
        self._statuses: Counter[JobStatus] = Counter()
        self._unsubmitted: dict[int, UnsubmittedUploads] = {}

    def keep_for(self, *, results_retention_seconds: float, events_retention_seconds: float) -> None:
        """From now on go by these times, which are those of the topics; see the constructor."""
        with self._lock:
            self._results_ms = results_retention_seconds * 1000
            self._events_ms = events_retention_seconds * 1000

    def apply(self, event: JobEvent, partition: int) -> Turn:
        """Take the next event of a partition, in the order of their offsets. Never raises for what an event holds.

        Args:
            partition: of the events topic, that the event was read from.
        """
        with self._lock:
            now_ms = self._wall_clock() * 1000
            self._forget_old(now_ms)
            if event.at_ms < now_ms - self._events_ms:
                return Turn(None, None)  # retention lets it lie on for a while, but not everywhere
            fold = self._jobs.setdefault(event.job_id, JobFold())
            before = fold.status if fold.submitted else None
            fold.apply(event, partition)
            if fold.submitted is None:
                self._keep_unsubmitted(event, partition, now_ms)
                return Turn(None, None)
            if before is None:
                insort(self._by_time, (min(fold.submitted.at_ms, int(now_ms)), event.job_id))
                self._unsubmitted_in(partition).remove(event.job_id)
            else:
                self._statuses[before] -= 1
            self._statuses[fold.status] += 1
            if not self._keeps_places:
                fold.forget_places()
            return Turn(before, fold.status)

    def find(self, job_id: str) -> JobSnapshot | None:
        """A job as it is now, also one whose results are gone; None where there is none by that id."""
        with self._lock:
            fold = self._jobs.get(job_id)
            snapshot = None if fold is None else fold.snapshot()
        if snapshot is None or self._age_ms(snapshot) > self._events_ms:
            return None
        return snapshot

    def is_past_retention(self, job: JobSnapshot) -> bool:
        """Whether the results of a job are gone, or may be at any moment."""
        return self._age_ms(job) > self._results_ms

    def locate(self, job_id: str, first_row: int, rows: int) -> Sequence[ResultPlace]:
        """Where the results of some consecutive rows lie: places of the chunks that hold any of them, ascending.

        Chunks that are not done yet are left out; empty for a job that is not known.
        """
        with self._lock:
            fold = self._jobs.get(job_id)
            found = iter(()) if fold is None else fold.locate(first_row, rows)
        return list(found)  # not under the lock: a job may have very many

    def list_recent(self, limit: int) -> list[JobSnapshot]:
        """The jobs that were submitted last, newest first."""
        with self._lock:
            self._forget_old(self._wall_clock() * 1000)
            newest = [job_id for _, job_id in self._by_time[: -limit - 1 : -1]]
            snapshots = [self._jobs[job_id].snapshot() for job_id in newest]
        return [snapshot for snapshot in snapshots if snapshot is not None]

    def count_by_status(self) -> Mapping[JobStatus, int]:
        """How many jobs there are in every status."""
        with self._lock:
            self._forget_old(self._wall_clock() * 1000)
            return {status: self._statuses[status] for status in JobStatus}

    def is_unwanted(self, job_id: str, submission: str) -> bool:
        """Whether chunks of an upload need not be scored: its job was cancelled, has failed, or is another upload."""
        with self._lock:
            fold = self._jobs.get(job_id)
            return fold is not None and fold.is_unwanted(submission)

    def _age_ms(self, job: JobSnapshot) -> float:
        return self._wall_clock() * 1000 - job.submitted_at_ms

    def _keep_unsubmitted(self, event: JobEvent, partition: int, now_ms: float) -> None:
        fold = self._jobs[event.job_id]
        upload = fold.unsubmitted.get(event.submission)
        if upload is None:  # a submission that cannot be one
            self._forget_upload(event.job_id, event.submission)
            return
        uploads = self._unsubmitted_in(partition)
        for dropped in uploads.note(event.job_id, event.submission, len(upload.places), min(event.at_ms, now_ms)):
            self._forget_upload(*dropped)

    def _forget_upload(self, job_id: str, submission: str) -> None:
        fold = self._jobs.get(job_id)
        if fold is not None and fold.submitted is None:
            fold.forget(submission)
            if not fold.unsubmitted:
                del self._jobs[job_id]

    def _unsubmitted_in(self, partition: int) -> UnsubmittedUploads:
        return self._unsubmitted.setdefault(partition, UnsubmittedUploads())

    def _forget_old(self, now_ms: float) -> None:
        """Forget jobs that the events topic has forgotten. The lock is held."""
        oldest_ms = now_ms - self._events_ms
        if not self._by_time or self._by_time[0][0] >= oldest_ms:
            return
        gone = bisect_left(self._by_time, oldest_ms, key=lambda entry: entry[0])
        for _, job_id in self._by_time[:gone]:
            self._statuses[self._jobs.pop(job_id).status] -= 1
        del self._by_time[:gone]
