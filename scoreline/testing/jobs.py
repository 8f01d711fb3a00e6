"""Kafka as batch jobs see it, in memory: topics that several sidecars share, and the ports over them."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from scoreline.errors import ResultsGone, Unavailable
from scoreline.jobs.chunk import Chunk
from scoreline.jobs.events import ChunkDone, JobEvent
from scoreline.jobs.result import ChunkResult, ResultPlace, RowError
from scoreline.jobs.view import JobView
from scoreline.records import Headers

Score = Callable[[Chunk], ChunkResult]


@dataclass
class MemoryJobTopics:
    """What was acknowledged, in order. Every sidecar of a test gets a publisher and a feed over the same one.

    Attributes:
        headers: of all that publishers have put here, chunks and events alike.
    """

    chunks: list[Chunk] = field(default_factory=list)
    events: list[tuple[JobEvent, int]] = field(default_factory=list)
    results: list[ChunkResult | None] = field(default_factory=list)
    scored: int = 0
    headers: list[Headers] = field(default_factory=list)

    def append_chunk(self, chunk: Chunk, headers: Headers) -> None:
        """A chunk is acknowledged."""
        self.chunks.append(chunk)
        self.headers.append(headers)

    def append_event(self, event: JobEvent, partition: int, headers: Headers) -> None:
        """An event is acknowledged."""
        self.events.append((event, partition))
        self.headers.append(headers)

    def score_all(self, score: Score) -> None:
        """Do what workers do with the chunks that have come since."""
        while self.scored < len(self.chunks):
            self.score_next(score)

    def score_next(self, score: Score) -> None:
        """Do what a worker does with one chunk."""
        chunk = self.chunks[self.scored]
        self.scored += 1
        result = score(chunk)
        place = ResultPlace(chunk.number, chunk.first_row, chunk.rows, result.rows_failed, 0, len(self.results))
        self.results.append(result)
        done = ChunkDone(chunk.order.job_id, chunk.order.submission, result.scored_at_ms, place)
        self.events.append((done, chunk.order.events_partition))


class MemoryJobPublisher:
    """A `JobPublisher` that acknowledges at once, or when it is released.

    Attributes:
        held: puts off acknowledgements until `release`.
        down: why nothing can be published; None while everything can.
        most_pending: held chunks after which there is no room for another.
        events_partitions: three, so that jobs are spread.
    """

    def __init__(self, topics: MemoryJobTopics, *, held: bool = False, most_pending: int = 1000) -> None:
        self._topics = topics
        self.held = held
        self.down: Exception | None = None
        self.most_pending = most_pending
        self.events_partitions = 3
        self._pending: list[tuple[Future[None], Callable[[], None]]] = []

    @property
    def pending(self) -> int:
        """What was published and is not acknowledged."""
        return len(self._pending)

    def publish_chunk(self, chunk: Chunk, headers: Headers = ()) -> "Future[None]":
        """Append to the chunks."""
        if len(self._pending) >= self.most_pending:
            raise Unavailable("there is no room for more that is not acknowledged")
        return self._publish(lambda: self._topics.append_chunk(chunk, headers))

    def publish_event(self, event: JobEvent, events_partition: int, headers: Headers = ()) -> "Future[None]":
        """Append to the events."""
        return self._publish(lambda: self._topics.append_event(event, events_partition, headers))

    def release(self, count: int | None = None) -> None:
        """Acknowledge the oldest that are held."""
        released, self._pending = self._pending[:count], self._pending[count:] if count is not None else []
        for future, append in released:
            append()
            future.set_result(None)

    def fail(self, error: Exception) -> None:
        """Fail what is held, as a broker does that is away for too long."""
        failed, self._pending = self._pending, []
        for future, _ in failed:
            future.set_exception(error)

    def _publish(self, append: Callable[[], None]) -> "Future[None]":
        future: Future[None] = Future()
        if self.down is not None:
            future.set_exception(self.down)
        elif self.held:
            self._pending.append((future, append))
        else:
            append()
            future.set_result(None)
        return future


class MemoryEventFeed:
    """An `EventFeed` that reads when it is asked to catch up, or told to read.

    Attributes:
        down: why it is not ready; None while it is.
        held: puts off catching up until `read`.
    """

    def __init__(self, topics: MemoryJobTopics, view: JobView, *, held: bool = False) -> None:
        self._topics = topics
        self._view = view
        self._read = 0
        self._waiting: list[tuple[int, Future[None]]] = []
        self.down: Exception | None = None
        self.held = held
        self.asked = 0

    def check_ready(self) -> None:
        """Ready unless it is down."""
        if self.down is not None:
            raise self.down

    def catch_up(self) -> "Future[None]":
        """Done once all that there is now was read."""
        self.asked += 1
        future: Future[None] = Future()
        if self.down is not None:
            future.set_exception(self.down)
            return future
        self._waiting.append((len(self._topics.events), future))
        if not self.held:
            self.read()
        return future

    def read(self, count: int | None = None) -> None:
        """Apply what has come, or only so many events of it."""
        upto = len(self._topics.events) if count is None else min(len(self._topics.events), self._read + count)
        for event, partition in self._topics.events[self._read : upto]:
            self._view.apply(event, partition)
        self._read = upto
        done = [future for end, future in self._waiting if end <= upto]
        self._waiting = [(end, future) for end, future in self._waiting if end > upto]
        for future in done:
            future.set_result(None)


class MemoryResultReader:
    """A `ResultReader`; what is None in the topic is gone. With a gate every result waits for it."""

    def __init__(
        self,
        topics: MemoryJobTopics,
        gate: threading.Semaphore | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._topics = topics
        self._gate = gate
        self.should_stop = should_stop
        self.rested = 0
        self.closed = False

    def read(self, places: Sequence[ResultPlace]) -> Iterator[ChunkResult]:
        """The results at these places."""
        for place in places:
            if self._gate is not None and not self._gate.acquire(timeout=5):
                raise TimeoutError("nobody has let the result pass")
            result = self._topics.results[place.offset]
            if result is None:
                raise ResultsGone("retention has taken a result")
            yield result

    def rest(self) -> None:
        """Count."""
        self.rested += 1

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


def score_field(name: str, *, classes: tuple[str, ...] = (), at_ms: int = 1_750_000_000_500) -> Score:
    """Scores that are the value of one field, for class k times k; a row without a number there is a bad row."""

    def score(chunk: Chunk) -> ChunkResult:
        predictions = np.full(chunk.rows, np.nan)
        errors: list[RowError] = []
        for row, line in enumerate(chunk.lines.splitlines()):
            try:
                predictions[row] = float(json.loads(line)[name])
            except (ValueError, KeyError, TypeError):
                errors.append(RowError(row, f"expected a number, got {line[:40]!r}", name))
        scores = np.outer(predictions, np.arange(len(classes))) if classes else None
        if scores is not None:
            kept = ~np.isnan(predictions)
            predictions[kept] = np.argmax(scores[kept], axis=1)
        order = chunk.order
        return ChunkResult(
            order.job_id,
            order.submission,
            chunk.number,
            chunk.first_row,
            order.model,
            order.version,
            predictions,
            errors,
            at_ms,
            classes,
            scores,
        )

    return score
