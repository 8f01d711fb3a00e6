"""Log lines for dead letters: a reason at once the first time, then only counted."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from scoreline.observability.events import BatchScored
from scoreline.observability.repeats import Repeats
from scoreline.observability.traces.context import find_trace_id
from scoreline.records import Clock, DeadLetter, Reason, Record

logger = logging.getLogger("scoreline.dead_letters")


class DeadLetterLog:
    """Logs dead letters, rate-limited by reason.

    A line names an example by its position and never by its content: a detail may quote a feature's value, so it is
    logged at DEBUG alone.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Clock = time.monotonic, *, interval_seconds: float = 10.0) -> None:
        self._repeats: Repeats[Reason] = Repeats(clock, interval_seconds=interval_seconds)
        self._latest: dict[Reason, dict[str, Any]] = {}

    def batch_scored(self, event: BatchScored) -> None:
        """Log reasons that are new, count those that are not."""
        if not event.dead_letters:
            return
        examples = {letter.reason: letter for letter in event.dead_letters}
        for reason, n in event.reasons.items():
            letter = examples[reason]
            self._latest[reason] = _locate(letter)
            count = self._repeats.count(reason, n)
            if count:
                self._log(reason, count)
                logger.debug(
                    "%s",
                    letter.detail,
                    extra={"event": "dead_letter_detail", "reason": reason.value, **_locate(letter)},
                )

    def turned(self) -> None:
        """Log the counts that have waited long enough."""
        for reason, count in self._repeats.due():
            self._log(reason, count)

    def batch_rolled_back(self, records: Sequence[Record], error: Exception, retry_seconds: float) -> None:
        """Whoever watches the loop's health logs this."""

    def _log(self, reason: Reason, count: int) -> None:
        logger.warning(
            "dead letters (%s): %d",
            reason.value,
            count,
            extra={"event": "dead_letters", "reason": reason.value, "count": count, **self._latest[reason]},
        )


def _locate(letter: DeadLetter) -> dict[str, Any]:
    record = letter.record
    return {
        "topic": record.topic(),
        "partition": record.partition(),
        "offset": record.offset(),
        "version": letter.version,
        "trace_id": find_trace_id(record),
    }
