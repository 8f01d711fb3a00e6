"""Takes one transaction to its end: insists on every answer, aborts what has failed, and finds out why."""

from collections.abc import Callable
from typing import TypeVar

from scoreline.errors import DeliveryError, DependencyError, ServiceError, StopOverdue
from scoreline.transport.patience import Patience
from scoreline.transport.ports import TransactionObserver, Transactions

ANSWER_SLICE_SECONDS = 0.5
"""How long one call waits for the broker before it is repeated: the granularity of a stop, and of signs of life."""

T = TypeVar("T")


class Transacting:
    """What deliveries have in common that finish something in one transaction, or not at all.

    Args:
        patience: for the broker, while an answer is waited for.
    """

    def __init__(self, transactions: Transactions, *, patience: Patience, observer: TransactionObserver) -> None:
        self._transactions = transactions
        self._patience = patience
        self._observer = observer

    def _transact(self, steps: Callable[[], T]) -> T:
        """Do all steps in a transaction and commit it; it is aborted if any part of it fails.

        Raises:
            RecordTooLarge: the transaction was aborted, because a record is larger than its topic allows.
            DeliveryError: the transaction was aborted.
            StopOverdue: how it ended is not known; the next start goes on from what was committed.
            FatalClientError: the client cannot go on.
        """
        self._transactions.begin()
        try:
            done = steps()
            self._insist(self._transactions.commit)
        except StopOverdue:
            raise
        except (DeliveryError, DependencyError) as error:
            self._insist(self._transactions.abort)
            self._observer.transaction_ended("aborted")
            raise self._find_reason(error) from error
        self._observer.transaction_ended("committed")
        return done

    def _find_reason(self, error: ServiceError) -> ServiceError:
        """Why the transaction failed: its first error often says only that it has; now every record's own is in."""
        try:
            self._insist(self._transactions.flush)
        except DeliveryError as reason:
            return reason
        return error

    def _insist(self, call: Callable[[float], bool]) -> None:
        """Repeat a call until it is answered: nothing else may be asked of a transaction meanwhile."""
        while not call(ANSWER_SLICE_SECONDS):
            if not self._patience.keep_waiting():
                raise StopOverdue("the transaction did not end before the time that a stop is allowed was over")
