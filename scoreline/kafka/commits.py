"""Keeps account of commits: which are unanswered, which were refused, partition by partition."""

from collections.abc import Iterable

from confluent_kafka import KafkaError
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.records import NextOffsets, TopicPartition
from scoreline.transport.ports import ClientObserver


class CommitLedger:
    """Counts answers against commits; `answer` is the consumer's `on_commit` callback.

    A commit is never wholly good because the call did not raise: each partition carries its own error.

    Attributes:
        in_flight: commits whose answer is still to come.
    """

    def __init__(self, observer: ClientObserver) -> None:
        self.in_flight = 0
        self._observer = observer
        self._refused: dict[TopicPartition, int] = {}

    def send(self) -> None:
        """A commit without waiting has been handed to the client."""
        self.in_flight += 1

    def answer(self, error: KafkaError | None, partitions: Iterable[ClientPartition]) -> None:
        """The answer to a commit without waiting has come."""
        self.in_flight -= 1
        self.settle(error, partitions)

    def settle(self, error: KafkaError | None, partitions: Iterable[ClientPartition]) -> None:
        """Sort the partitions of an answer into committed and refused, and tell the observer of both."""
        by_outcome: dict[str | None, dict[TopicPartition, int]] = {}
        for p in partitions:
            problem = p.error or error
            by_outcome.setdefault(problem.name() if problem else None, {})[TopicPartition(p.topic, p.partition)] = (
                p.offset
            )
        for outcome, next_offsets in by_outcome.items():
            if outcome is None:
                self._commit(next_offsets)
            else:
                self.refuse(next_offsets, outcome)

    def refuse(self, next_offsets: NextOffsets, error_name: str) -> None:
        """These were not committed."""
        self._refused.update(next_offsets)
        self._observer.commit_answered(next_offsets, error_name)

    def take_refused(self) -> dict[TopicPartition, int]:
        """What was refused since the last call and not committed since."""
        refused, self._refused = self._refused, {}
        return refused

    def _commit(self, next_offsets: NextOffsets) -> None:
        for partition in next_offsets:
            self._refused.pop(partition, None)
        self._observer.commit_answered(next_offsets, None)
