"""The ports between jobs and Kafka; `scoreline.kafka.jobs` implements them, and fakes do in tests."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Protocol

from scoreline.jobs.chunk import Chunk
from scoreline.jobs.events import JobEvent
from scoreline.jobs.result import ChunkResult, ResultPlace
from scoreline.records import Headers, NextOffsets, Record
from scoreline.transport.ports import GroupMetadata


class JobPublisher(Protocol):
    """Puts uploads onto the topics; safe between threads, and never blocks."""

    @property
    def events_partitions(self) -> int:
        """How many partitions the events topic has.

        Raises:
            Unavailable: not known yet, or a topic is missing.
        """
        ...

    def publish_chunk(self, chunk: Chunk, headers: Headers = ()) -> "Future[None]":
        """Put a chunk on its lane, spread over the lane's partitions; done when it is acknowledged by all replicas.

        The future fails with Unavailable (not acknowledged in time), RecordTooLarge or DeliveryError.

        Args:
            headers: of the record, beside those that it has anyway.

        Raises:
            Unavailable: there is no room for more that is not acknowledged.
        """
        ...

    def publish_event(self, event: JobEvent, events_partition: int, headers: Headers = ()) -> "Future[None]":
        """Put an event of a job onto its partition; done when it is acknowledged. Fails as `publish_chunk`."""
        ...


class EventFeed(Protocol):
    """Folds the events topic into a view, from its start, committed records only, outside any group."""

    def check_ready(self) -> None:
        """Whether the view is what the topic held when the process started.

        Raises:
            Unavailable: not yet, or Kafka is away: says why.
        """
        ...

    def catch_up(self) -> "Future[None]":
        """Done when everything that is acknowledged by now is in the view; fails with Unavailable if that takes long.

        Never blocks; an abandoned future may be cancelled.
        """
        ...


class ResultReader(Protocol):
    """Reads results by their position; for one thread at a time."""

    def read(self, places: Sequence[ResultPlace]) -> Iterator[ChunkResult]:
        """The results at these places, in their order, each read when it is asked for.

        Raises:
            ResultsGone: retention has taken one.
            Unavailable: Kafka is away.
        """
        ...

    def rest(self) -> None:
        """Fetch nothing more until it is asked for results again. Never blocks."""
        ...

    def close(self) -> None:
        """Release the client."""
        ...


OpenResultReader = Callable[[Callable[[], bool]], ResultReader]
"""Given whether to stop, which is asked again and again while nothing comes. May block, and raise Unavailable."""


class ChunkDelivery(Protocol):
    """Finishes chunks: result, event and offset in one transaction, or none of them."""

    def finish(
        self,
        result: ChunkResult,
        events_partition: int,
        next_offsets: NextOffsets,
        group: GroupMetadata,
        headers: Headers = (),
    ) -> None:
        """Publish the result, then the event that says where it lies, and commit both with the offset of the chunk.

        Args:
            headers: of both records.

        Raises:
            DeliveryError: the transaction was aborted; the chunk has to be read again.
            StopOverdue: how it ended is not known.
            FatalClientError: the client cannot go on.
        """
        ...

    def fail(
        self, record: Record, event: JobEvent | None, next_offsets: NextOffsets, group: GroupMetadata, *, reason: str
    ) -> None:
        """Put a record that is no readable chunk into the dead letters, and the event that fails its job beside it.

        Args:
            event: None where nobody can tell which job it was of.

        Raises:
            As `finish`.
        """
        ...

    def skip(self, next_offsets: NextOffsets, group: GroupMetadata) -> None:
        """Commit past chunks that nobody wants any more.

        Raises:
            As `finish`.
        """
        ...
