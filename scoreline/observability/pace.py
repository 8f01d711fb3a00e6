"""What the roles did lately: between two moments that no reader chooses, so that readers do not disturb each other."""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from scoreline.observability.snapshot import Durations
from scoreline.observability.stats import Progress, Stats, describe_seconds
from scoreline.records import Clock

SPAN_SECONDS = 10.0
SPACING_SECONDS = 1.0

_Sample = tuple[float, Mapping[str, Progress]]


@dataclass(frozen=True, slots=True)
class Pace:
    """What one role did in the latest seconds.

    Attributes:
        seconds: how long that was.
        counts: as `Progress.counts`, of that time alone; of http also `failures`, answers with a 5xx.
        latency: of what was done then, as `Progress.seconds` measures it.
    """

    seconds: float
    counts: Mapping[str, int]
    latency: Durations

    def per_second(self, name: str) -> float:
        """How many of these a second."""
        return self.counts.get(name, 0) / self.seconds if self.seconds > 0 else 0.0


class RecentPace:
    """Keeps how far the roles had come at a few moments of the last ten seconds; safe between threads.

    Who reads takes a sample by it, at most one a second; `tick` takes one where nobody reads.

    Args:
        roles: `stream`, `http` and `jobs`; others have no pace.
        but: routes whose requests do not count: those that only watch.
        clock: monotonic seconds.
    """

    def __init__(
        self, stats: Stats, roles: Iterable[str], *, but: Collection[str] = (), clock: Clock = time.monotonic
    ) -> None:
        known: dict[str, Callable[[], Progress]] = {
            "stream": stats.stream_progress,
            "http": lambda: _read_http(stats, but),
            "jobs": stats.jobs_progress,
        }
        self._readers = {str(role): known[role] for role in roles if role in known}
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: deque[_Sample] = deque([self._take()])

    def tick(self) -> None:
        """Take a sample."""
        self.read()

    def read(self) -> Mapping[str, Pace]:
        """The pace of each role, over ten seconds where it was looked at so often; else since it was last looked at."""
        with self._lock:
            now, progress = latest = self._take()
            # The oldest one that is kept is the youngest of those that are old enough.
            while len(self._samples) > 1 and now - self._samples[1][0] >= SPAN_SECONDS:
                self._samples.popleft()
            began, earlier = self._samples[0]
            if now - self._samples[-1][0] >= SPACING_SECONDS:
                self._samples.append(latest)
        return {role: _compare(progress[role], earlier[role], now - began) for role in progress}

    def _take(self) -> _Sample:
        return self._clock(), {role: read() for role, read in self._readers.items()}


def _read_http(stats: Stats, but: Collection[str]) -> Progress:
    progress = stats.http_progress(but)
    progress.counts["failures"] = stats.count_failures(but)
    return progress


def _compare(progress: Progress, earlier: Progress, seconds: float) -> Pace:
    done = progress.since(earlier)
    return Pace(seconds, dict(done.counts), describe_seconds(done.seconds))
