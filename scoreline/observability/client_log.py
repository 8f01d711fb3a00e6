"""Log lines for what the Kafka client reports: an error at once the first time, then only counted."""

import logging
import threading
import time

from scoreline.observability.repeats import Repeats
from scoreline.records import Clock, NextOffsets

logger = logging.getLogger("scoreline.kafka")


class ClientLog:
    """Logs what the Kafka client reports and the commits that were refused, rate-limited by the error's name.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Clock = time.monotonic, *, interval_seconds: float = 10.0) -> None:
        self._repeats: Repeats[tuple[str, str]] = Repeats(clock, interval_seconds=interval_seconds)
        self._lock = threading.Lock()
        self._latest: dict[tuple[str, str], str] = {}

    def commit_answered(self, next_offsets: NextOffsets, error: str | None) -> None:
        """Log a refusal."""
        if error is not None:
            self._count("commit_refused", error, ", ".join(sorted(str(p) for p in next_offsets)))

    def client_error(self, name: str, detail: str) -> None:
        """Log a situation that the client reports."""
        self._count("client_error", name, detail)

    def tick(self) -> None:
        """Log the counts that have waited long enough."""
        with self._lock:
            due = list(self._repeats.due())
        for key, count in due:
            self._log(key, count)

    def _count(self, event: str, error: str, detail: str) -> None:
        key = (event, error)
        with self._lock:
            self._latest[key] = detail
            count = self._repeats.count(key)
        if count:
            self._log(key, count)

    def _log(self, key: tuple[str, str], count: int) -> None:
        event, error = key
        fields = {"event": event, "error": error, "detail": self._latest[key], "count": count}
        logger.warning("%s: %s", event.replace("_", " "), error, extra=fields)
