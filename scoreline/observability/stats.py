"""The in-memory collector behind GET /stats: totals, errors and quantiles since the start of the process."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from scoreline.observability.events import BatchScored, Outcome, RequestServed
from scoreline.observability.labels.report import QualityReport
from scoreline.observability.quantiles import QuantileSketch
from scoreline.observability.snapshot import Durations, HttpCounts, JobCounts, Snapshot, StreamCounts, VersionCounts
from scoreline.observability.tally import HttpTally, JobsTally, StreamTally
from scoreline.records import Clock, NextOffsets, Record


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a role had come at one moment; the difference of two is what it did in between.

    Attributes:
        counts: running totals by the glossary's names.
        versions: predictions by version.
        seconds: end to end of each prediction (stream), of each request (http), or of the work on each chunk (jobs).
    """

    counts: Counter[str]
    versions: Counter[str]
    seconds: QuantileSketch

    def since(self, earlier: "Progress") -> "Progress":
        """What was done after `earlier`."""
        counts = Counter({name: n - earlier.counts[name] for name, n in self.counts.items()})
        return Progress(counts, self.versions - earlier.versions, self.seconds.since(earlier.seconds))


class Stats:
    """Observer of batches, requests, the client and the loop; safe between threads, its memory bounded.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._started_at = clock()
        # The stream and the sidecar write from different threads; with a lock each, neither waits for the other.
        self._stream_lock, self._http_lock = threading.Lock(), threading.Lock()
        self._stream, self._http = StreamTally(), HttpTally()
        self._jobs_lock, self._jobs = threading.Lock(), JobsTally()
        self._read_quality: Callable[[], QualityReport] | None = None

    def batch_scored(self, event: BatchScored) -> None:
        """Take note of a finished batch."""
        with self._stream_lock:
            self._stream.add_batch(event)

    def request_served(self, event: RequestServed) -> None:
        """Take note of an answered request."""
        with self._http_lock:
            self._http.add_request(event)

    def commit_answered(self, next_offsets: NextOffsets, error: str | None) -> None:  # noqa: ARG002 - the port's name
        """Take note of an answered commit."""
        with self._stream_lock:
            self._stream.commits["accepted" if error is None else "refused"] += 1

    def client_error(self, name: str, detail: str) -> None:  # noqa: ARG002 - the port's name
        """Take note of what the client reports."""
        with self._stream_lock:
            self._stream.add_client_error(name)

    def turned(self) -> None:
        """A turn of the loop alone tells nothing here."""

    def batch_rolled_back(self, records: Sequence[Record], error: Exception, retry_seconds: float) -> None:  # noqa: ARG002 - the port's names
        """Take note of a batch that will be read again."""
        with self._stream_lock:
            self._stream.rolled_back[type(error).__name__] += 1

    def chunk_scored(self, version: int, *, rows: int, failed: int, seconds: float) -> None:
        """Take note of a finished chunk of a job; `failed` of its rows have no prediction."""
        with self._jobs_lock:
            self._jobs.add_chunk(version, rows=rows, failed=failed, seconds=seconds)

    def chunk_failed(self) -> None:
        """Take note of a chunk that could not be finished."""
        with self._jobs_lock:
            self._jobs.errors += 1

    def watch_quality(self, read: Callable[[], QualityReport]) -> None:
        """Ask this at every snapshot how good versions are."""
        self._read_quality = read

    def read_quality(self) -> QualityReport | None:
        """How good versions are; None where no labels are read."""
        return None if self._read_quality is None else self._read_quality()

    def jobs_progress(self) -> Progress:
        """How far the jobs role has come."""
        with self._jobs_lock:
            tally = self._jobs
            counts = Counter(
                rows=tally.rows, chunks=tally.chunks, predictions=tally.versions.total(), errors=tally.errors
            )
            return Progress(counts, Counter(tally.versions), tally.seconds.copy())

    def stream_progress(self) -> Progress:
        """How far the stream role has come."""
        with self._stream_lock:
            tally = self._stream
            counts = Counter(
                records=tally.outcomes.total(),
                batches=tally.batches,
                predictions=tally.outcomes[Outcome.PREDICTED],
                dead_letters=tally.outcomes[Outcome.DEAD_LETTER],
                errors=tally.rolled_back.total(),
            )
            return Progress(counts, Counter(tally.versions), tally.end_to_end.copy())

    def http_progress(self, but: Collection[str] = ()) -> Progress:
        """How far the http role has come.

        Args:
            but: routes whose requests are left out.
        """
        with self._http_lock:
            tally, seconds = self._http, QuantileSketch()
            routes = [route for name, route in tally.routes.items() if name not in but]
            for route in routes:
                seconds.merge(route.seconds)
            errors = sum(route.errors for route in routes)
            counts = Counter(requests=seconds.count, errors=errors, predictions=tally.versions.total())
            return Progress(counts, Counter(tally.versions), seconds)

    def count_failures(self, but: Collection[str] = ()) -> int:
        """How many requests were answered with a 5xx; those of the routes `but` are left out."""
        with self._http_lock:
            return sum(route.failures for name, route in self._http.routes.items() if name not in but)

    def snapshot(self) -> Snapshot:
        """Everything as of now, ready for JSON; durations in seconds, quantiles within 1 %, null where nothing was."""
        with self._stream_lock:
            stream = _describe_stream(self._stream)
        with self._http_lock:
            http = _describe_http(self._http)
        with self._jobs_lock:
            jobs = _describe_jobs(self._jobs)
        uptime_seconds = round(self._clock() - self._started_at, 3)
        quality = self.read_quality()
        return {"uptime_seconds": uptime_seconds, "stream": stream, "http": http, "jobs": jobs, "quality": quality}


def _describe_stream(tally: StreamTally) -> StreamCounts:
    return {
        "records": {"total": tally.outcomes.total(), **{o.value: tally.outcomes[o] for o in Outcome}},
        "predictions": _describe_versions(tally.versions),
        "dead_letters": {reason.value: n for reason, n in sorted(tally.reasons.items())},
        "batches": tally.batches,
        "rolled_back": _in_order(tally.rolled_back),
        "stages": {stage: describe_seconds(sketch) for stage, sketch in tally.stages.items()},
        "end_to_end": describe_seconds(tally.end_to_end),
        "commits": {outcome: tally.commits[outcome] for outcome in ("accepted", "refused")},
        "client_errors": _in_order(tally.client_errors),
    }


def _describe_http(tally: HttpTally) -> HttpCounts:
    return {
        "requests": sum(route.seconds.count for route in tally.routes.values()),
        "errors": sum(route.errors for route in tally.routes.values()),
        "predictions": _describe_versions(tally.versions),
        "routes": {
            name: {
                "errors": route.errors,
                "statuses": {str(status): n for status, n in sorted(route.statuses.items())},
                **describe_seconds(route.seconds),
            }
            for name, route in sorted(tally.routes.items())
        },
    }


def _describe_jobs(tally: JobsTally) -> JobCounts:
    return {
        "rows": tally.rows,
        "rows_failed": tally.rows_failed,
        "predictions": _describe_versions(tally.versions),
        "chunks": tally.chunks,
        "errors": tally.errors,
        "chunk_seconds": describe_seconds(tally.seconds),
    }


def _describe_versions(versions: Counter[str]) -> VersionCounts:
    return {"total": versions.total(), "versions": _in_order(versions)}


def _in_order(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda entry: (len(entry[0]), entry[0])))


def describe_seconds(sketch: QuantileSketch) -> Durations:
    """Count, mean and the usual quantiles of durations, to three digits."""
    mean = sketch.total / sketch.count if sketch.count else None
    p50, p95, p99 = sketch.quantiles((0.5, 0.95, 0.99))
    return {
        "count": sketch.count,
        "mean_seconds": _round(mean),
        "p50_seconds": _round(p50),
        "p95_seconds": _round(p95),
        "p99_seconds": _round(p99),
    }


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else float(f"{seconds:.3g}")
