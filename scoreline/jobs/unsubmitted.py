"""Uploads that may still be submitted, and when to forget that they ever began."""

from collections import OrderedDict
from collections.abc import Sequence

UPLOAD_MS = 24 * 3600 * 1000
"""No upload lasts longer, between any two of its events."""

MOST_CHUNKS_KEPT = 1 << 19
"""Of all such uploads of a partition together: twice what one job may have, 16 MiB."""

_UPLOAD_WEIGHT = 16
"""What an upload costs beside its chunks, in chunks."""


class UnsubmittedUploads:
    """Those of one partition of the events topic, the one that was heard of last at the end.

    Age is measured by the events of the same partition: whoever reads the topic from its start reads old events, and a
    clock of their own would have them forget every chunk before the submission is read.
    """

    def __init__(self, *, most_chunks: int = MOST_CHUNKS_KEPT) -> None:
        self._most_chunks = most_chunks
        self._uploads: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()
        self._by_job: dict[str, set[str]] = {}
        self._chunks = 0
        self._newest_ms = 0.0

    def note(self, job_id: str, submission: str, chunks: int, at_ms: float) -> Sequence[tuple[str, str]]:
        """Take note of an event of an upload, and give those that are to be forgotten, as (job id, submission).

        Args:
            chunks: of the upload that are known by now.
            at_ms: when the event happened, not in the future.
        """
        self._newest_ms = max(self._newest_ms, at_ms)
        self._take_out(job_id, submission)
        weight = chunks + _UPLOAD_WEIGHT
        self._uploads[job_id, submission] = weight, at_ms
        self._by_job.setdefault(job_id, set()).add(submission)
        self._chunks += weight
        forgotten: list[tuple[str, str]] = []
        while len(self._uploads) > 1:
            oldest, (_, heard_ms) = next(iter(self._uploads.items()))
            if self._chunks <= self._most_chunks and heard_ms >= self._newest_ms - UPLOAD_MS:
                break
            self._take_out(*oldest)
            forgotten.append(oldest)
        return forgotten

    def remove(self, job_id: str) -> None:
        """Forget the uploads of a job: one of them was submitted."""
        for submission in list(self._by_job.get(job_id, ())):
            self._take_out(job_id, submission)

    def _take_out(self, job_id: str, submission: str) -> None:
        known = self._uploads.pop((job_id, submission), None)
        if known is None:
            return
        self._chunks -= known[0]
        self._by_job[job_id].discard(submission)
        if not self._by_job[job_id]:
            del self._by_job[job_id]
