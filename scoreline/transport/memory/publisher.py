"""A producer onto in-memory topics, whose acknowledgements can be delayed, refused and lost."""

import time
from collections import deque
from collections.abc import Callable, Sequence

from scoreline.dead_letters import dead_letter_headers
from scoreline.errors import DeliveryError, RecordTooLarge
from scoreline.records import Clock, DeadLetter, Headers, Outputs, Record, caller_headers
from scoreline.transport.memory.broker import MemoryBroker
from scoreline.transport.memory.transaction import Transaction
from scoreline.transport.outgoing import prediction_headers

TOO_LARGE = "MSG_SIZE_TOO_LARGE"


class MemoryPublisher:
    """Implements `scoreline.transport.ports.Publisher`.

    Args:
        capacity: how many records may wait for their acknowledgement.
        max_record_bytes: of key and value; a larger record is refused, as Kafka refuses it.
        wall_clock: seconds since the epoch.

    Attributes:
        acknowledging: while false, nothing leaves the queue.
        refusals: names of the errors with which the next records are refused, one each; None lets a record pass.
        lose_acknowledgements: how many of the next records are stored without anyone learning of it, until
            `answer_lost` tells.
        closed: whether it was released.
    """

    def __init__(
        self,
        broker: MemoryBroker,
        *,
        output_topic: str,
        dead_letter_topic: str,
        output_headers: bool = False,
        capacity: int = 100_000,
        max_record_bytes: int = 1 << 20,
        wall_clock: Clock = time.time,
    ) -> None:
        self.acknowledging = True
        self.refusals: deque[str | None] = deque()
        self.lose_acknowledgements = 0
        self.closed = False
        self._broker = broker
        self._output_topic = output_topic
        self._dead_letter_topic = dead_letter_topic
        self._output_headers = output_headers
        self._capacity = capacity
        self._max_record_bytes = max_record_bytes
        self._wall_clock = wall_clock
        self._queue: deque[tuple[str, Record, bytes | None, Headers]] = deque()
        self._unanswered = 0
        self._refused: list[str] = []

    def publish(self, outputs: Outputs, dead_letters: Sequence[DeadLetter], keep_waiting: Callable[[], bool]) -> None:
        """Queue everything; while the queue is full, send what can be sent and ask whether to go on."""
        versions = [outputs.versions] * len(outputs) if isinstance(outputs.versions, int) else outputs.versions
        for record, value, version in zip(outputs.records, outputs.values, versions, strict=True):
            named = self._output_headers
            headers = prediction_headers(record, outputs.model, version) if named else caller_headers(record)
            self._offer(self._output_topic, record, value, headers, keep_waiting)
        failed_at_ms = int(self._wall_clock() * 1000)
        for dead_letter in dead_letters:
            letter_headers = dead_letter_headers(dead_letter, failed_at_ms=failed_at_ms)
            record = dead_letter.record
            self._offer(self._dead_letter_topic, record, record.value(), letter_headers, keep_waiting)

    def flush(self, timeout_seconds: float) -> bool:
        """Send what can be sent; False while something is unanswered."""
        self._broker.request("produce")
        self._send()
        if self._queue or self._unanswered:
            self._broker.wait(timeout_seconds)
            self._send()
        if self._queue or self._unanswered:
            return False
        self._raise_for_refused()
        return True

    def answer_lost(self, refusal: str | None = None) -> None:
        """The answers that were lost come after all, or the client gives them up: what was stored is stored."""
        self._refused += [refusal] * self._unanswered if refusal is not None else []
        self._unanswered = 0

    def discard(self) -> None:
        """Forget what is queued or unanswered; what was stored stays stored."""
        self._queue.clear()
        self._unanswered = 0
        self._refused = []

    def close(self) -> None:
        """Drop what is unfinished."""
        self.discard()
        self.closed = True

    def _offer(
        self, topic: str, record: Record, value: bytes | None, headers: Headers, keep_waiting: Callable[[], bool]
    ) -> None:
        while len(self._queue) + self._unanswered >= self._capacity:
            self._broker.request("produce")
            self._send()
            if len(self._queue) + self._unanswered < self._capacity:
                break
            if not keep_waiting():
                raise DeliveryError("the queue stayed full until the batch had to be given up")
        self._queue.append((topic, record, value, headers))

    def _send(self) -> None:
        while self._queue and self.acknowledging:
            topic, record, value, headers = self._queue.popleft()
            refusal = self.refusals.popleft() if self.refusals else None
            if len(record.key() or b"") + len(value or b"") > self._max_record_bytes:
                refusal = TOO_LARGE
            if refusal is not None:
                self._refused.append(refusal)
                continue
            self._store(topic, record, value, headers)
            if self.lose_acknowledgements:
                self.lose_acknowledgements -= 1
                self._unanswered += 1

    def _store(self, topic: str, record: Record, value: bytes | None, headers: Headers) -> None:
        self._broker.append(
            topic,
            value,
            partition=record.partition() % len(self._broker.partitions_of(topic)),
            key=record.key(),
            headers=headers,
            timestamp_ms=int(self._wall_clock() * 1000),
            transaction=self._transaction(),
        )

    def _transaction(self) -> Transaction | None:
        """What a record that is stored now belongs to."""
        return None

    def _raise_for_refused(self) -> None:
        if self._refused:
            refused, self._refused = self._refused, []
            too_large = TOO_LARGE in refused
            first = TOO_LARGE if too_large else refused[0]
            message = f"{len(refused)} records were not delivered, the first because of {first}"
            raise RecordTooLarge(message) if too_large else DeliveryError(message)
