"""Puts drift events onto their topic as far as it gets: outside every transaction, on a thread of its own."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message

from scoreline.errors import ServiceError
from scoreline.kafka.client.clients import Properties, make_producer
from scoreline.kafka.client.errors import PURGES, describe_error, is_fatal
from scoreline.kafka.client.shadowed import ANSWER_SECONDS, close_producer, raise_shadowed
from scoreline.kafka.client.watch import ClientWatch
from scoreline.observability.drift.ports import DriftChanged
from scoreline.records import Clock
from scoreline.transport.backoff import Backoff
from scoreline.transport.ports import ClientObserver

logger = logging.getLogger("scoreline.drift")

MOST_WAITING = 1000
SERVE_SECONDS = 0.5
PATIENCE: Properties = {"message.timeout.ms": 300_000}
"""A broker that is away is waited for so long; the log has told of the event at once."""

Encode = Callable[[DriftChanged], bytes]


class DriftEventPublisher:
    """Implements `scoreline.observability.drift.ports.DriftListener`; nobody waits for it.

    Args:
        open_encoder: gives what encodes, asking the schema registry; raises `ServiceError` where that is away, and is
            called again later.
        dropped: told how many events did not get to the topic.
    """

    def __init__(
        self,
        properties: Properties,
        topic: str,
        *,
        open_encoder: Callable[[], Encode],
        dropped: Callable[[int], None],
        observer: ClientObserver,
        clock: Clock = time.monotonic,
    ) -> None:
        self._properties = {**properties, **PATIENCE}
        self._topic = topic
        self._open_encoder = open_encoder
        self._dropped = dropped
        self._observer = observer
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[DriftChanged] = deque()
        self._woken = threading.Event()
        self._closed = threading.Event()
        self._encode: Encode | None = None
        self._producer: Any = None
        self._watch = ClientWatch(observer, clock=clock)
        self._backoff = Backoff()
        self._retry_at = float("-inf")
        self._trouble: str | None = None
        self._crashed: str | None = None
        self._thread = threading.Thread(target=self._run, name="drift-publisher", daemon=True)

    @property
    def trouble(self) -> str | None:
        """Why nothing is published any more, until the process starts again; None while all is well."""
        return self._crashed

    def start(self) -> None:
        """Begin; what has come before is published now."""
        self._thread.start()

    def drift_changed(self, events: Sequence[DriftChanged]) -> None:
        """Have events published; what finds no room is dropped, and counted."""
        with self._lock:
            room = 0 if self._closed.is_set() or self._crashed else MOST_WAITING - len(self._waiting)
            self._waiting.extend(events[:room])
        if len(events) > room:
            self._drop(len(events) - room, "too many wait already" if self._crashed is None else self._crashed)
        self._woken.set()

    def close(self, within_seconds: float) -> None:
        """Give what is under way a moment, and drop the rest."""
        self._closed.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join(within_seconds)
        if not self._thread.is_alive():
            self._release(flush_seconds=within_seconds / 2, answer_seconds=max(0.1, within_seconds / 2))
            self._drop_waiting("the service stops")

    def _run(self) -> None:
        try:
            closing = False
            while not closing:
                self._woken.wait(SERVE_SECONDS)
                self._woken.clear()
                closing = self._closed.is_set()
                self.turn()
        except Exception as error:
            logger.exception("drift events are not published any more", extra={"event": "drift_publisher_crashed"})
            self._crashed = f"the thread that publishes drift events has ended ({type(error).__name__})"
            self._drop_waiting(self._crashed)

    def turn(self) -> None:
        """Hand over what waits, and serve the producer; called by the thread, and by tests that have none."""
        try:
            if self._waiting and self._clock() >= self._retry_at:
                self._hand_over()
            if self._producer is not None:
                raise_shadowed(partial(self._producer.poll, 0))
        except BufferError:
            return  # there is room once something was delivered
        except ServiceError as error:
            self._wait_for(str(error))
        except KafkaException as raised:
            self._watch.note(raised.args[0])
            if is_fatal(raised.args[0]):
                self._watch.fatal = self._watch.fatal or describe_error(raised.args[0])
            self._wait_for(describe_error(raised.args[0]))
        if self._watch.fatal is not None:
            # An idempotent producer that has lost count of its records can never go on, but another one can.
            self._wait_for(self._watch.fatal)
            self._release(flush_seconds=0.0)

    def _hand_over(self) -> None:
        if self._encode is None:
            self._encode = self._open_encoder()
        if self._producer is None:
            self._watch = ClientWatch(self._observer, clock=self._clock)
            self._producer = make_producer(self._properties, watch=self._watch, on_delivery=self._report)
        while self._waiting:
            event = self._waiting[0]
            self._producer.produce(self._topic, self._encode(event), event.model.encode())
            with self._lock:
                self._waiting.popleft()
        self._backoff.reset()

    def _wait_for(self, trouble: str) -> None:
        self._retry_at = self._clock() + self._backoff.next_seconds()
        self._tell(trouble)

    def _release(self, flush_seconds: float, answer_seconds: float = ANSWER_SECONDS) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            left = raise_shadowed(partial(producer.flush, flush_seconds))
        except KafkaException as raised:
            self._watch.note(raised.args[0])
            left = len(producer)
        if left:
            self._drop(left, "their acknowledgement was not waited for")
            producer.purge()
        close_producer(producer, self._watch, answer_seconds=answer_seconds)

    def _drop_waiting(self, why: str) -> None:
        with self._lock:
            left = len(self._waiting)
            self._waiting.clear()
        if left:
            self._drop(left, why)

    def _report(self, error: KafkaError | None, message: Message) -> None:  # noqa: ARG002 - the client's signature
        if error is None:
            self._trouble = None
        elif error.code() not in PURGES:  # what was given up is counted already
            self._drop(1, describe_error(error))

    def _drop(self, events: int, why: str) -> None:
        self._dropped(events)
        self._tell(why)

    def _tell(self, trouble: str) -> None:
        """Once for each reason."""
        if trouble != self._trouble:
            self._trouble = trouble
            logger.warning(
                "drift events do not get to %s: %s",
                self._topic,
                trouble,
                extra={"event": "drift_events_missed", "topic": self._topic, "error": trouble},
            )
