"""Puts events of jobs into the view of a process, as they were read from their topic."""

import logging
from collections.abc import Callable

from scoreline.jobs.fields import Unreadable
from scoreline.jobs.job import JobStatus
from scoreline.jobs.log import LoggingView
from scoreline.jobs.view import JobView
from scoreline.jobs.wire import JobDecoder
from scoreline.records import Clock, TopicPartition

logger = logging.getLogger("scoreline.jobs")

QUIET_SECONDS = 10.0
"""Events that cannot be read are told at most this often."""


class EventFolding:
    """Decodes and applies; what cannot be read is counted and passed over. For one thread.

    Args:
        clock: monotonic seconds.
        tell_ended: called for each job that an event ends which is news.

    Attributes:
        unreadable: how many could not be read.
    """

    def __init__(
        self, decoder: JobDecoder, view: JobView, *, clock: Clock, tell_ended: Callable[[JobStatus], None]
    ) -> None:
        self.unreadable = 0
        self._decoder = decoder
        self._view = view
        self._logging_view = LoggingView(view, tell_ended)
        self._clock = clock
        self._told_at = float("-inf")

    def take(
        self,
        value: bytes | None,
        partition: TopicPartition,
        offset: int,
        *,
        is_news: bool,
        trace_id: str | None = None,
    ) -> None:
        """Take the next event of a partition.

        Args:
            is_news: whether to tell what becomes of its job.
            trace_id: that its record belongs to, for a line of the log.

        Raises:
            Unavailable: the schema registry is needed for it, and is away.
        """
        event = self._decoder.decode_event(value)
        if isinstance(event, Unreadable):
            self._tell(f"{partition}@{offset}", event.detail)
        elif event is not None:
            if is_news:
                self._logging_view.apply(event, partition.partition, trace_id)
            else:
                self._view.apply(event, partition.partition)

    def _tell(self, position: str, why: str) -> None:
        self.unreadable += 1
        now = self._clock()
        if now - self._told_at >= QUIET_SECONDS:
            self._told_at = now
            logger.warning(
                "an event of a job cannot be read and is passed over: %s, %s",
                position,
                why,
                extra={"event": "job_event_unreadable", "position": position, "unreadable": self.unreadable},
            )
