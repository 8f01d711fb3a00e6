"""How the loop waits for what has failed: alive, a member of its group, and without throwing fetched records away."""

from collections.abc import Callable, Sequence
from typing import Protocol

from scoreline.errors import DependencyError, TooManyDeadLetters
from scoreline.records import Clock, Record, TopicPartition
from scoreline.transport.backoff import Backoff
from scoreline.transport.ports import Delivery, Source
from scoreline.transport.stopping import StopSignal

PATIENCE_SECONDS = 5.0
"""A wait that is over by then keeps the batch in hand; one that lasts hands it back, and the group goes on without."""

SLICE_SECONDS = 0.1


class RecoveryObserver(Protocol):
    """Learns of batches that could not be finished; may not raise."""

    def turned(self) -> None:
        """The loop is alive."""
        ...

    def batch_rolled_back(self, records: Sequence[Record], error: Exception, retry_seconds: float) -> None:
        """A batch could not be finished; it is tried again after a pause."""
        ...


class Recovery:
    """Waits, and hands a batch back to its source where the wait lasts.

    Args:
        observers: told of every attempt that failed.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        source: Source,
        delivery: Delivery,
        *,
        stop: StopSignal,
        clock: Clock,
        observers: Sequence[RecoveryObserver],
    ) -> None:
        self._source = source
        self._delivery = delivery
        self._stop = stop
        self._clock = clock
        self._observers = observers

    def roll_back(self, records: Sequence[Record], error: Exception, backoff: Backoff) -> None:
        """Have the records read again, after a pause."""
        self._source.rewind(find_first_offsets(records))
        seconds = backoff.next_seconds()
        self._tell(records, error, seconds)
        self._wait_polling(self._clock() + seconds, from_seconds=self._clock() + PATIENCE_SECONDS)

    def hold(
        self,
        records: Sequence[Record],
        error: Exception,
        backoff: Backoff,
        *,
        probe: Callable[[], object],
        patience_seconds: float = PATIENCE_SECONDS,
        is_released: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait until the batch can be scored, or a stop is requested.

        Args:
            probe: scores the batch without consequences; raises `DependencyError` or `TooManyDeadLetters`.
            patience_seconds: for how long the batch stays in hand.
            is_released: ends a pause early.

        Returns:
            Whether the batch is still in hand and may be finished; otherwise it comes again with a poll.
        """
        in_hand_until = self._clock() + patience_seconds
        in_hand = True
        held = find_first_offsets(records).keys()
        while not self._stop.is_set():
            seconds = backoff.next_seconds()
            self._tell(records, error, seconds)
            wait_until = self._clock() + seconds
            if in_hand:
                self._stop.wait(max(0.0, min(wait_until, in_hand_until) - self._clock()))
                if self._clock() >= in_hand_until:
                    self._source.rewind(find_first_offsets(records))
                    in_hand = False
            if not in_hand:
                self._wait_polling(wait_until, from_seconds=0.0, is_released=is_released)
                if held.isdisjoint(self._source.assignment()):
                    return False  # someone else's by now
            if self._stop.is_set():
                break
            try:
                probe()
            except (DependencyError, TooManyDeadLetters) as again:
                error = again
            else:
                return in_hand
        return False

    def _wait_polling(
        self, until_seconds: float, *, from_seconds: float, is_released: Callable[[], bool] = lambda: False
    ) -> None:
        """Wait; from a moment on stay a member of the group meanwhile. Nothing may be in hand."""
        ours = self._source.assignment()
        while (left := until_seconds - self._clock()) > 0 and not self._stop.is_set() and not is_released():
            if self._clock() >= from_seconds:
                self._source.keep_alive()
                if self._source.assignment() != ours:
                    return  # to be looked at again, and told: what was wrong may have gone, or not
                self._delivery.tick()
            for observer in self._observers:
                observer.turned()
            self._stop.wait(min(left, SLICE_SECONDS))

    def _tell(self, records: Sequence[Record], error: Exception, seconds: float) -> None:
        for observer in self._observers:
            observer.batch_rolled_back(records, error, seconds)


def find_first_offsets(records: Sequence[Record]) -> dict[TopicPartition, int]:
    """Where each partition has to be read again from so that all of `records` come back."""
    first: dict[TopicPartition, int] = {}
    for record in records:
        first.setdefault(TopicPartition(record.topic(), record.partition()), record.offset())
    return first
