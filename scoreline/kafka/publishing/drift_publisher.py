"""Puts drift events onto their topic as far as it gets: outside every transaction, on a thread of its own."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from scoreline.errors import ServiceError
from scoreline.kafka.client.clients import Properties
from scoreline.kafka.client.errors import describe_error, find_remedy
from scoreline.kafka.publishing.best_effort import FULL, BestEffortProducer
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
        self._topic = topic
        self._open_encoder = open_encoder
        self._clock = clock
        self._producer = BestEffortProducer(
            {**properties, **PATIENCE},
            topic,
            what="drift events",
            dropped=dropped,
            tell=self._tell,
            observer=observer,
            clock=clock,
        )
        self._lock = threading.Lock()
        self._waiting: deque[DriftChanged] = deque()
        self._woken = threading.Event()
        self._closed = threading.Event()
        self._encode: Encode | None = None
        self._backoff = Backoff()
        self._retry_at = float("-inf")
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
            self._producer.drop(len(events) - room, self._explain_no_room())
        self._woken.set()

    def close(self, within_seconds: float) -> None:
        """Give what is under way a moment, half of the time each way; the rest is dropped and counted in any case."""
        self._closed.set()
        self._woken.set()
        until = self._clock() + within_seconds
        if self._thread.ident is not None:
            self._thread.join(within_seconds / 2)
        left_seconds = max(0.0, until - self._clock())
        self._producer.close(flush_seconds=left_seconds / 2, answer_seconds=max(0.1, left_seconds / 2))
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
        """Serve the producer, and hand over what waits; called by the thread, and by tests that have none."""
        try:
            # First of all: what is delivered makes room.
            self._producer.serve()
            if self._waiting and self._clock() >= self._retry_at:
                self._hand_over()
        except ServiceError as error:
            self._wait_for(str(error))

    def _hand_over(self) -> None:
        if self._encode is None:
            self._encode = self._open_encoder()
        while (event := self._peek()) is not None and not self._producer.is_closed:
            error = self._producer.offer(self._encode(event), event.model.encode())
            if error is not None and error.code() == FULL:
                return  # there is room once something was delivered
            if error is not None and find_remedy(error) is not None:
                self._wait_for(describe_error(error))
                return
            if error is not None:  # nobody can do anything about this one, and others wait behind it
                self._producer.drop(1, describe_error(error))
            with self._lock:
                if self._waiting and self._waiting[0] is event:
                    self._waiting.popleft()
        self._backoff.reset()

    def _peek(self) -> DriftChanged | None:
        with self._lock:
            return self._waiting[0] if self._waiting else None

    def _wait_for(self, trouble: str) -> None:
        self._retry_at = self._clock() + self._backoff.next_seconds()
        self._producer.complain(trouble)

    def _explain_no_room(self) -> str:
        if self._crashed is not None:
            return self._crashed
        return "the service stops" if self._closed.is_set() else "too many wait already"

    def _drop_waiting(self, why: str) -> None:
        with self._lock:
            left = len(self._waiting)
            self._waiting.clear()
        if left:
            self._producer.drop(left, why)

    def _tell(self, why: str) -> None:
        logger.warning(
            "drift events do not get to %s: %s",
            self._topic,
            why,
            extra={"event": "drift_events_missed", "topic": self._topic, "error": why},
        )
