"""One log line for each role, every ten seconds: what was done, how fast, by which version."""

import logging
import time
from collections.abc import Iterable

from scoreline.observability.stats import Progress, Stats, describe_seconds
from scoreline.records import Clock

logger = logging.getLogger("scoreline.summary")

COUNTED = {"stream": "records", "http": "requests", "jobs": "rows"}


class Summary:
    """Logs what the roles did since the last time; a role that did nothing says so, which shows that it lives.

    Args:
        roles: `stream`, `http` and `jobs`; others have nothing to sum up.
        clock: monotonic seconds.
    """

    def __init__(self, stats: Stats, roles: Iterable[str], clock: Clock = time.monotonic) -> None:
        known = {"stream": stats.stream_progress, "http": stats.http_progress, "jobs": stats.jobs_progress}
        self._readers = {str(role): known[role] for role in roles if role in known}
        self._clock = clock
        self._read_at = clock()
        self._earlier = {role: read() for role, read in self._readers.items()}

    def tick(self) -> None:
        """Log one line for each role about the time since the last call; from one thread only."""
        now = self._clock()
        seconds = now - self._read_at
        self._read_at = now
        for role, read in self._readers.items():
            progress = read()
            done = progress.since(self._earlier[role])
            self._earlier[role] = progress
            _log(role, done, seconds)


def _log(role: str, done: Progress, seconds: float) -> None:
    what = COUNTED[role]
    timing = describe_seconds(done.seconds)
    fields = {
        "event": "summary",
        "role": role,
        "seconds": round(seconds, 3),
        **done.counts,
        "p50_seconds": timing["p50_seconds"],
        "p95_seconds": timing["p95_seconds"],
        "version": max(done.versions, key=done.versions.__getitem__, default=None),
        **({"versions": dict(sorted(done.versions.items()))} if len(done.versions) > 1 else {}),
    }
    logger.info("%s: %d %s in %.1f s", role, done.counts[what], what, seconds, extra=fields)
