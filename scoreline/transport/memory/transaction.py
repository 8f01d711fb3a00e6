"""Transactions in memory: one coordinator for all, which fences producers by their epochs."""

from collections import deque
from collections.abc import Callable
from enum import StrEnum

from scoreline.errors import FatalClientError


class Outcome(StrEnum):
    """How a transaction ended, or that it has not."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


class Transaction:
    """Its end is decided at once; whatever takes part in it learns of that by a marker of its own."""

    def __init__(self) -> None:
        self.outcome = Outcome.OPEN
        self._participants: deque[Callable[[Transaction], None]] = deque()

    @property
    def is_settling(self) -> bool:
        """Whether it has ended, and not everything that takes part in it knows."""
        return self.outcome is not Outcome.OPEN and bool(self._participants)

    def on_end(self, participant: Callable[["Transaction"], None]) -> None:
        """Have a participant told of the end."""
        self._participants.append(participant)

    def decide(self, outcome: Outcome) -> None:
        """Commit or abort, from now on for good."""
        self.outcome = outcome

    def write_marker(self) -> None:
        """Tell the next participant."""
        self._participants.popleft()(self)

    def end(self, outcome: Outcome) -> None:
        """Commit or abort, and tell all."""
        self.decide(outcome)
        while self.is_settling:
            self.write_marker()


class TransactionCoordinator:
    """Knows for each transactional id the epoch of the one producer that may use it, and its last transaction.

    Attributes:
        hold_markers: while true, transactions that end are only decided; `write_marker` tells of them.
    """

    def __init__(self) -> None:
        self.hold_markers = False
        self._epochs: dict[str, int] = {}
        self._last: dict[str, Transaction] = {}
        self._settling: deque[Transaction] = deque()

    def take_over(self, transactional_id: str) -> int:
        """Fence whoever had the id and abort what it had open; returns the new producer's epoch.

        Raises:
            TimeoutError: not before the last transaction has settled.
        """
        self._abort_open(transactional_id)
        self._expect_settled(transactional_id)
        self._last.pop(transactional_id, None)
        self._epochs[transactional_id] = self._epochs.get(transactional_id, -1) + 1
        return self._epochs[transactional_id]

    def find_open(self, transactional_id: str) -> Transaction | None:
        """The transaction of this id whose end is still to come."""
        last = self._last.get(transactional_id)
        return last if last is not None and last.outcome is Outcome.OPEN else None

    def join(self, transactional_id: str, epoch: int) -> Transaction:
        """The open transaction of a producer, made with its first record or offsets.

        Raises:
            TimeoutError: not before the last transaction has settled.
            FatalClientError: the producer is fenced.
        """
        self._check(transactional_id, epoch)
        self._expect_settled(transactional_id)
        transaction = self.find_open(transactional_id)
        if transaction is None:
            transaction = self._last[transactional_id] = Transaction()
        return transaction

    def end(self, transactional_id: str, epoch: int, outcome: Outcome) -> None:
        """End the last transaction of a producer; the same end may be asked for again.

        Raises:
            FatalClientError: the producer is fenced, or the transaction has ended otherwise.
        """
        self._check(transactional_id, epoch)
        last = self._last.get(transactional_id)
        if last is None or last.outcome not in (Outcome.OPEN, outcome):
            raise FatalClientError(f"INVALID_TXN_STATE: there is no transaction of {transactional_id} to be {outcome}")
        if last.outcome is Outcome.OPEN:
            self._end(last, outcome)

    def is_settling(self, transactional_id: str) -> bool:
        """Whether the last transaction of this id has ended, and not everything that took part in it knows."""
        last = self._last.get(transactional_id)
        return last is not None and last.is_settling

    def write_marker(self) -> bool:
        """Tell one more participant of an end; False when there is none left to be told."""
        while self._settling and not self._settling[0].is_settling:
            self._settling.popleft()
        if not self._settling:
            return False
        self._settling[0].write_marker()
        self._settling.rotate(-1)
        return True

    def time_out(self, transactional_id: str) -> None:
        """Abort an open transaction that has lasted for too long, which fences its producer."""
        self._abort_open(transactional_id)

    def _abort_open(self, transactional_id: str) -> None:
        transaction = self.find_open(transactional_id)
        if transaction is not None:
            self._epochs[transactional_id] += 1
            self._end(transaction, Outcome.ABORTED)

    def _expect_settled(self, transactional_id: str) -> None:
        if self.is_settling(transactional_id):
            raise TimeoutError(f"the last transaction of {transactional_id} has not settled yet")

    def _end(self, transaction: Transaction, outcome: Outcome) -> None:
        if self.hold_markers:
            transaction.decide(outcome)
            self._settling.append(transaction)
        else:
            transaction.end(outcome)

    def _check(self, transactional_id: str, epoch: int) -> None:
        if self._epochs.get(transactional_id) != epoch:
            raise FatalClientError(f"PRODUCER_FENCED: the transactional id {transactional_id} has a newer epoch")
