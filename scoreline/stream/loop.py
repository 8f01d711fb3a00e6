"""The loop: poll → decode → predict → encode → deliver, read straight through."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from scoreline.errors import DeliveryError, DependencyError
from scoreline.observability.events import BatchObserver, BatchScored
from scoreline.records import Clock, Record, TopicPartition, find_next_offsets
from scoreline.scoring import ScoringPath
from scoreline.stream.backoff import Backoff
from scoreline.transport.ports import Delivery, Source

logger = logging.getLogger("scoreline.stream")

IDLE_POLL_SECONDS = 0.1
"""How long a poll waits when nothing is there: the granularity of commits and of a stop while idle."""


class StopSignal(Protocol):
    """What `threading.Event` offers, so that a simulation can bring its own."""

    def is_set(self) -> bool:
        """Whether the loop is to end after the batch in hand."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the signal; True when it came."""
        ...


class LoopObserver(BatchObserver, Protocol):
    """Learns how the loop is doing, beside the batches that it finishes; may not raise."""

    def turned(self) -> None:
        """The loop has begun another turn: it is alive."""
        ...

    def batch_rolled_back(self, records: int, error: Exception, retry_seconds: float) -> None:
        """A batch could not be finished; it will be read again after a pause."""
        ...


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Upper bounds of a micro-batch; it never waits to reach them."""

    max_records: int = 2048
    max_bytes: int = 4 * 1024 * 1024


class StreamLoop:
    """Finishes or rolls back everything that it polled before it polls again.

    That rule is why there is no lock and no per-partition state here: rebalances happen only inside `Source.poll`, so
    none of them ever sees half a batch.
    """

    def __init__(
        self,
        source: Source,
        path: ScoringPath,
        delivery: Delivery,
        *,
        stop: StopSignal,
        clock: Clock,
        wall_clock: Clock,
        observers: Sequence[LoopObserver] = (),
        batch_observers: Sequence[BatchObserver] = (),
        limits: BatchLimits | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._source = source
        self._path = path
        self._delivery = delivery
        self._stop = stop
        self._clock = clock
        self._wall_clock = wall_clock
        self._observers = observers
        self._batch_observers = (*observers, *batch_observers)
        self._limits = limits or BatchLimits()
        self._backoff = backoff or Backoff()

    def run(self) -> None:
        """Turn until told to stop; what was polled by then is finished first.

        Raises:
            FatalClientError: the Kafka client cannot go on.
        """
        while not self._stop.is_set():
            for observer in self._observers:
                observer.turned()
            self.turn()

    def turn(self) -> None:
        """Poll once and finish what came, or roll it back and pause."""
        watch = Stopwatch(self._clock)
        records = self._source.poll(self._limits.max_records, self._limits.max_bytes, IDLE_POLL_SECONDS)
        watch.lap("poll")
        if not records:
            self._delivery.tick()
            return
        try:
            event = self._finish(records, watch)
        except (DeliveryError, DependencyError) as error:
            self._roll_back(records, error)
            return
        self._backoff.reset()
        for observer in self._batch_observers:
            observer.batch_scored(event)

    def _finish(self, records: Sequence[Record], watch: "Stopwatch") -> BatchScored:
        batch = self._path.decode(records)
        watch.lap("decode")
        scored = self._path.predict(batch)
        watch.lap("predict")
        outputs, dead_letters = self._path.encode(batch, scored)
        watch.lap("encode")
        spent = self._delivery.finish(outputs, dead_letters, find_next_offsets(records))
        return BatchScored(
            records=records,
            parts=batch.parts,
            scored=scored,
            dead_letters=dead_letters,
            skipped=batch.skipped,
            stage_seconds={**watch.laps, **spent},
            finished_at_ms=int(self._wall_clock() * 1000),
        )

    def _roll_back(self, records: Sequence[Record], error: Exception) -> None:
        self._source.rewind(find_first_offsets(records))
        retry_seconds = self._backoff.next_seconds()
        for observer in self._observers:
            observer.batch_rolled_back(len(records), error, retry_seconds)
        self._stop.wait(retry_seconds)


class Stopwatch:
    """Adds up seconds by stage, each from the end of the one before."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = clock()
        self.laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Book the time since the last lap on `stage`."""
        now = self._clock()
        self.laps[stage] = now - self._last
        self._last = now


def find_first_offsets(records: Sequence[Record]) -> dict[TopicPartition, int]:
    """Where each partition has to be read again from so that all of `records` come back."""
    first: dict[TopicPartition, int] = {}
    for record in records:
        first.setdefault(TopicPartition(record.topic(), record.partition()), record.offset())
    return first
