"""Transactions in memory: one coordinator for all, which fences producers by their epochs."""

from collections.abc import Callable
from enum import StrEnum

from scoreline.errors import FatalClientError


class Outcome(StrEnum):
    """How a transaction ended, or that it has not."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


class Transaction:
    """Whatever takes part in it is told of its end."""

    def __init__(self) -> None:
        self.outcome = Outcome.OPEN
        self._participants: list[Callable[[Transaction], None]] = []

    def on_end(self, participant: Callable[["Transaction"], None]) -> None:
        """Have a participant told of the end."""
        self._participants.append(participant)

    def end(self, outcome: Outcome) -> None:
        """Commit or abort."""
        self.outcome = outcome
        for participant in self._participants:
            participant(self)


class TransactionCoordinator:
    """Knows for each transactional id the epoch of the one producer that may use it, and its last transaction."""

    def __init__(self) -> None:
        self._epochs: dict[str, int] = {}
        self._last: dict[str, Transaction] = {}

    def take_over(self, transactional_id: str) -> int:
        """Fence whoever had the id and abort what it had open; returns the new producer's epoch."""
        self._abort_open(transactional_id)
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
            FatalClientError: the producer is fenced.
        """
        self._check(transactional_id, epoch)
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
            last.end(outcome)

    def time_out(self, transactional_id: str) -> None:
        """Abort an open transaction that has lasted for too long, which fences its producer."""
        if self._abort_open(transactional_id):
            self._epochs[transactional_id] += 1

    def _abort_open(self, transactional_id: str) -> bool:
        transaction = self.find_open(transactional_id)
        if transaction is None:
            return False
        transaction.end(Outcome.ABORTED)
        return True

    def _check(self, transactional_id: str, epoch: int) -> None:
        if self._epochs.get(transactional_id) != epoch:
            raise FatalClientError(f"PRODUCER_FENCED: the transactional id {transactional_id} has a newer epoch")
