"""A producer for what nobody waits for: what does not get there is counted, and told once for each reason."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message

from scoreline.errors import DeliveryError
from scoreline.kafka.client.clients import Properties, make_producer
from scoreline.kafka.client.errors import PURGES, describe_error, is_fatal
from scoreline.kafka.client.shadowed import ANSWER_SECONDS, close_producer, raise_shadowed
from scoreline.kafka.client.watch import ClientWatch
from scoreline.records import Clock, Headers
from scoreline.transport.ports import ClientObserver

RENEW_SECONDS = 30.0
"""So far apart are producers at least: what has ended one for good may end the next one at once."""

TELL_AGAIN_SECONDS = 600.0
ANY_PARTITION = -1
FULL = KafkaError._QUEUE_FULL  # noqa: SLF001 - the client's own codes begin with an underscore


class BestEffortProducer:
    """Made when there is something to put out, and made anew after one that cannot go on. For one thread, but `close`.

    Args:
        what: it puts out, as in "the producer of … could not go on".
        dropped: told how many records were not delivered after all.
        tell: told why; the same reason again only after a while.
    """

    def __init__(
        self,
        properties: Properties,
        topic: str,
        *,
        what: str,
        dropped: Callable[[int], None],
        tell: Callable[[str], None],
        observer: ClientObserver,
        clock: Clock = time.monotonic,
    ) -> None:
        self._properties = properties
        self._topic = topic
        self._what = what
        self._dropped = dropped
        self._tell = tell
        self._observer = observer
        self._clock = clock
        self._watch = ClientWatch(observer, clock=clock)
        self._producer: Any = None
        self._made_at = float("-inf")
        self._lock = threading.Lock()  # of `_producer` and `_watch`, which belong together
        self._closed = threading.Event()
        self._trouble: str | None = None
        self._told_at = float("-inf")

    @property
    def is_closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self._closed.is_set()

    def serve(self) -> None:
        """Have reports run: what was delivered or refused keeps its place in a full queue until then.

        Raises:
            DeliveryError: the producer cannot go on; what it had is counted, and the next record gets another one.
        """
        producer = self._producer
        if producer is not None:
            self._ask(producer, partial(producer.poll, 0))

    def offer(
        self, value: bytes | None, key: bytes | None, *, partition: int = ANY_PARTITION, headers: Headers | None = None
    ) -> KafkaError | None:
        """Hand a record over; gives why it was not taken, `FULL` where there is no room. Not after `close`.

        Raises:
            DeliveryError: there is no producer that can go on.
        """
        producer = self._open()
        produce = partial(producer.produce, self._topic, value, key, partition, headers=headers or [])
        error = self._ask(producer, produce)
        if error is not None and error.code() == FULL:
            self._ask(producer, partial(producer.poll, 0))
            error = self._ask(producer, produce)
        return error

    def drop(self, records: int, why: str) -> None:
        """Count records that do not get there, and tell why."""
        self._dropped(records)
        self.complain(why)

    def complain(self, why: str) -> None:
        """Tell what hinders records, unless it was told just now."""
        now = self._clock()
        if why != self._trouble or now - self._told_at >= TELL_AGAIN_SECONDS:
            self._trouble, self._told_at = why, now
            self._tell(why)

    def close(self, flush_seconds: float, answer_seconds: float) -> None:
        """Give what is under way a moment, and drop and count the rest; what comes later is for the caller to drop."""
        with self._lock:
            self._closed.set()
        self._release(flush_seconds, answer_seconds)

    def _open(self) -> Any:
        with self._lock:
            if self._closed.is_set():
                raise DeliveryError(f"the producer of {self._what} is closed")
            if self._producer is None:
                if self._clock() < self._made_at + RENEW_SECONDS:
                    raise DeliveryError(f"the producer of {self._what} could not go on: {self._watch.fatal}")
                self._watch = ClientWatch(self._observer, clock=self._clock)
                self._producer = make_producer(self._properties, watch=self._watch, on_delivery=self._report)
                self._made_at = self._clock()
            return self._producer

    def _ask(self, producer: Any, call: Callable[[], object]) -> KafkaError | None:
        """Call the producer; gives an error that it can go on after."""
        error: KafkaError | None = None
        try:
            raise_shadowed(call)
        except BufferError as full:
            error = KafkaError(FULL, str(full))
        except KafkaException as raised:
            error = raised.args[0]
            if error is not None and is_fatal(error):
                self._watch.fatal = self._watch.fatal or describe_error(error)
        except RuntimeError as ended:
            if not self._closed.is_set():
                raise
            raise DeliveryError(f"the producer of {self._what} is closed") from ended
        if self._watch.fatal is not None:
            # An idempotent producer that has lost count of its records can never go on, but another one can.
            if producer is self._producer:
                self._release(flush_seconds=0.0, answer_seconds=ANSWER_SECONDS)
            raise DeliveryError(f"the producer of {self._what} cannot go on: {self._watch.fatal}")
        return error

    def _release(self, flush_seconds: float, answer_seconds: float) -> None:
        """Let go of the producer, if there is one; what does not go in the time for the flush is dropped."""
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            left = raise_shadowed(partial(producer.flush, flush_seconds))
        except KafkaException as raised:
            self._watch.note(raised.args[0])
            left = len(producer)
        if left:
            self.drop(left, self._watch.fatal or "their acknowledgement was not waited for")
            producer.purge()
        close_producer(producer, self._watch, answer_seconds=answer_seconds)

    def _report(self, error: KafkaError | None, message: Message) -> None:  # noqa: ARG002 - the client's signature
        if error is not None and error.code() not in PURGES:  # what was given up is counted already
            self.drop(1, describe_error(error))
