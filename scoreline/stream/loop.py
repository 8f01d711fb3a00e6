"""The loop: poll → decode → predict → encode → deliver, read straight through."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from scoreline.errors import DeliveryError, DependencyError, TooManyDeadLetters
from scoreline.observability.events import BatchObserver, BatchScored
from scoreline.records import Clock, Record, find_last_records, find_next_offsets
from scoreline.scoring import ScoringPath
from scoreline.stream.breaker import Breaker
from scoreline.stream.recovery import PATIENCE_SECONDS, Recovery, RecoveryObserver
from scoreline.stream.slices import ScoredSlice, Slice, join
from scoreline.transport.backoff import Backoff
from scoreline.transport.ports import Delivery, Source
from scoreline.transport.stopping import StopSignal
from scoreline.transport.stopwatch import Stopwatch

logger = logging.getLogger("scoreline.stream")

IDLE_POLL_SECONDS = 0.1
"""How long a poll waits when nothing is there: the granularity of commits and of a stop while idle."""


class LoopObserver(BatchObserver, RecoveryObserver, Protocol):
    """Learns how the loop is doing, beside the batches that it finishes; may not raise."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Upper bounds of a micro-batch; it never waits to reach them."""

    max_records: int = 2048
    max_bytes: int = 4 * 1024 * 1024


class StreamLoop:
    """Finishes or rolls back everything that it polled before it polls again.

    That rule is why there is no lock and no per-partition state here: rebalances happen inside `Source.poll`, where
    nothing is in hand. They also happen while a wait lasts, and then the source knows what has left: a rewind leaves
    it alone, and a delivery commits nothing of it.
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
        breaker: Breaker | None = None,
        breaker_backoff: Backoff | None = None,
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
        self._breaker = breaker or Breaker(max_ratio=1.0, window=1)
        self._breaker_backoff = breaker_backoff or Backoff(first_seconds=1.0, limit_seconds=60.0, jitter=0.0)
        self._recovery = Recovery(source, delivery, stop=stop, clock=clock, observers=observers)

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
        """Poll once and finish what came, or hand it back."""
        self._delivery.rest()
        watch = Stopwatch(self._clock)
        records = self._source.poll(self._limits.max_records, self._limits.max_bytes, IDLE_POLL_SECONDS)
        watch.lap("poll")
        if not records:
            self._delivery.tick()
            return
        self._delivery.begin()
        unfinished = [Slice(records)]
        while unfinished:
            part = unfinished.pop()
            try:
                self._finish(part, watch)
            except (DependencyError, TooManyDeadLetters) as error:
                rest = join([part, *reversed(unfinished)])
                unfinished = [Slice(rest)] if self._hold(rest, error) else []
            except DeliveryError as error:
                smaller = part.narrow_down(error)
                if smaller:
                    unfinished += reversed(smaller)
                else:
                    rest, unfinished = join([part, *reversed(unfinished)]), []
                    self._recovery.roll_back(rest, error, self._backoff)
            watch = Stopwatch(self._clock)

    def _finish(self, part: Slice, watch: Stopwatch) -> None:
        """Score and deliver, and tell of it."""
        records = part.records
        scored = self._score(part, watch)
        last_records = find_last_records(records)
        spent = self._delivery.finish(scored.outputs, scored.dead_letters, find_next_offsets(last_records))
        self._breaker.record(records, scored.dead_letters, scored.tombstones)
        self._backoff.reset()
        self._breaker_backoff.reset()
        event = BatchScored(
            records=records,
            last_records=last_records,
            parts=scored.batch.parts,
            scored=scored.scores,
            dead_letters=scored.dead_letters,
            skipped=scored.batch.skipped,
            stage_seconds={**watch.laps, **spent},
            finished_at_ms=int(self._wall_clock() * 1000),
            kafka_times_ms=scored.batch.kafka_times_ms,
        )
        for observer in self._batch_observers:
            observer.batch_scored(event)

    def _score(self, part: Slice, watch: Stopwatch) -> ScoredSlice:
        """Everything up to what is delivered; without consequences, so it may be tried."""
        batch = part.bury() if part.too_large is not None else self._path.decode(part.records)
        watch.lap("decode")
        scores = self._path.predict(batch)
        watch.lap("predict")
        outputs, dead_letters = self._path.encode(batch, scores)
        watch.lap("encode")
        self._breaker.judge(part.records, dead_letters)
        return ScoredSlice(batch, scores, outputs, dead_letters)

    def _hold(self, records: Sequence[Record], error: DependencyError | TooManyDeadLetters) -> bool:
        """Wait until the records can be scored; True while they are still in hand."""
        tripped = isinstance(error, TooManyDeadLetters)
        return self._recovery.hold(
            records,
            error,
            self._breaker_backoff if tripped else self._backoff,
            probe=lambda: self._score(Slice(records), Stopwatch(self._clock)),
            patience_seconds=0.0 if tripped else PATIENCE_SECONDS,
            is_released=self._breaker.lets_pass,
        )
