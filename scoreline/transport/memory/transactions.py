"""A transactional producer onto in-memory topics, whose answers can be late, lost and refusals."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum

from scoreline.errors import DeliveryError, FatalClientError, StopOverdue
from scoreline.records import Clock, DeadLetter, NextOffsets, Outputs
from scoreline.transport.memory.broker import MemoryBroker
from scoreline.transport.memory.group import MemoryGroup
from scoreline.transport.memory.publisher import MemoryPublisher
from scoreline.transport.memory.transaction import Outcome, Transaction
from scoreline.transport.ports import GroupMetadata

START_SLICE_SECONDS = 1.0


class Fault(StrEnum):
    """What may become of one call that asks the broker."""

    NO_ANSWER = "no answer"  # nothing happened
    ANSWER_LOST = "answer lost"  # it happened, and the caller does not learn of it
    REFUSED = "refused"  # the transaction has to be aborted; of an abort: the producer cannot go on
    FATAL = "fatal"  # the producer cannot go on


class MemoryTransactions(MemoryPublisher):
    """Implements `scoreline.transport.ports.TransactionalPublisher`; to be started before anything else.

    Args:
        group: whose offsets it sends.
        transactional_id: of which the last producer that was started fences the others.
        rest: as for `MemoryPublisher`.

    Attributes:
        faults: of the next calls that ask the broker, one each; None lets a call pass.
    """

    def __init__(
        self,
        broker: MemoryBroker,
        group: MemoryGroup,
        transactional_id: str,
        *,
        output_topic: str,
        dead_letter_topic: str,
        max_record_bytes: int = 1 << 20,
        wall_clock: Clock = time.time,
    ) -> None:
        super().__init__(
            broker,
            output_topic=output_topic,
            dead_letter_topic=dead_letter_topic,
            max_record_bytes=max_record_bytes,
            wall_clock=wall_clock,
        )
        self.faults: deque[Fault | None] = deque()
        self._group = group
        self._transactional_id = transactional_id
        self._coordinator = broker.transactions
        self._epoch = -1
        self._begun = False
        self._taken_part = False
        self._asked: str | None = None
        self._failure: str | None = None
        self._fatal: str | None = None

    def start(self, keep_waiting: Callable[[], bool]) -> None:
        """Take the transactional id over.

        Raises:
            StopOverdue: `keep_waiting` said no.
            FatalClientError: the producer cannot go on.
        """
        while not self._ask("start", self._take_over, START_SLICE_SECONDS):
            if not keep_waiting():
                raise StopOverdue(f"the transactional id {self._transactional_id} was not taken over before the stop")

    def begin(self) -> None:
        """Open a transaction."""
        self._expect_state(begun=False)
        if self._asked is not None or self._failure is not None:
            raise self._end(f"_STATE: begin was called before the last transaction had ended ({self._asked})")
        self._refused = []
        self._begun, self._taken_part = True, False

    def publish(self, outputs: Outputs, dead_letters: Sequence[DeadLetter], keep_waiting: Callable[[], bool]) -> None:
        """Queue everything."""
        self._expect_state(begun=True)
        super().publish(outputs, dead_letters, keep_waiting)

    def send_offsets(self, next_offsets: NextOffsets, metadata: GroupMetadata, timeout_seconds: float) -> bool:
        """Make the offsets part of the transaction; False without an answer."""
        self._expect_state(begun=True)

        def send() -> None:
            refusal = self._group.commit_with(self._join(), metadata, next_offsets)
            if refusal is not None:
                raise DeliveryError(f"the transaction has to be aborted: {refusal}")

        return self._ask("send_offsets", send, timeout_seconds)

    def commit(self, timeout_seconds: float) -> bool:
        """Make everything visible; False without an answer."""
        self._expect_state(begun=True)
        if self._ask("commit", self._commit, timeout_seconds):
            self._begun = False
        return not self._begun

    def abort(self, timeout_seconds: float) -> bool:
        """Make all of it invisible; False without an answer. What was refused is told by the next `flush`."""
        self._expect_state(begun=True)

        def abort() -> None:
            self._queue.clear()
            self._unanswered = 0
            if self._taken_part:
                self._coordinator.end(self._transactional_id, self._epoch, Outcome.ABORTED)

        if self._ask("abort", abort, timeout_seconds):
            self._begun, self._failure = False, None
        return not self._begun

    def flush(self, timeout_seconds: float) -> bool:
        """Send what can be sent; False while something is unanswered."""
        self._expect_alive()
        try:
            return super().flush(timeout_seconds)
        except DeliveryError as error:
            if self._begun:
                self._failure = str(error)
            raise
        except FatalClientError as error:
            raise self._end(str(error)) from error

    def _send(self) -> None:
        if not self._coordinator.is_settling(self._transactional_id):
            super()._send()

    def _take_over(self) -> None:
        self._epoch = self._coordinator.take_over(self._transactional_id)

    def _commit(self) -> None:
        self._send()
        if self._refused:
            raise DeliveryError("the transaction has to be aborted: not all of its records were taken")
        if self._queue or self._unanswered:
            raise TimeoutError
        if self._taken_part:
            self._coordinator.end(self._transactional_id, self._epoch, Outcome.COMMITTED)

    def _join(self) -> Transaction:
        transaction = self._coordinator.join(self._transactional_id, self._epoch)
        self._taken_part = True
        return transaction

    def _transaction(self) -> Transaction | None:
        return self._join()

    def _ask(self, call: str, effect: Callable[[], None], timeout_seconds: float) -> bool:
        """Ask the broker; a call that was not answered in time admits no other one after it."""
        self._broker.request(call)
        self._expect_alive()
        if self._asked not in (None, call):
            raise self._end(f"_CONFLICT: {call} was called while {self._asked} was unanswered")
        if self._failure is not None and call != "abort":
            raise DeliveryError(self._failure)
        fault = self.faults.popleft() if self.faults else None
        if fault is Fault.REFUSED and self._asked == call:
            fault = Fault.NO_ANSWER  # what may have happened already is not refused any more
        self._asked = call
        if fault is Fault.REFUSED and call not in ("abort", "start"):
            raise self._fail(f"the transaction has to be aborted: {call} was refused")
        if fault in (Fault.FATAL, Fault.REFUSED):
            raise self._end(f"{call} failed: the producer cannot go on")
        if fault is Fault.NO_ANSWER or not self._try(effect) or fault is Fault.ANSWER_LOST:
            self._broker.wait(timeout_seconds)
            return False
        self._asked = None
        return True

    def _try(self, effect: Callable[[], None]) -> bool:
        """Whether it has happened; False while it cannot."""
        try:
            with self._broker.changed:
                effect()
        except TimeoutError:
            return False
        except DeliveryError as error:
            self._fail(str(error))
            raise
        except FatalClientError as error:
            raise self._end(str(error)) from error
        return True

    def _fail(self, reason: str) -> DeliveryError:
        self._asked, self._failure = None, reason
        return DeliveryError(reason)

    def _expect_alive(self) -> None:
        if self._fatal is not None:
            raise FatalClientError(self._fatal)

    def _expect_state(self, *, begun: bool) -> None:
        self._expect_alive()
        if self._begun is not begun:
            raise self._end("_STATE: there is no open transaction" if begun else "_STATE: a transaction is open")

    def _end(self, reason: str) -> FatalClientError:
        self._fatal = reason
        return FatalClientError(reason)
