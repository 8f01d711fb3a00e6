"""Asks the running service how it stands, and waits until it has seen what was sent."""

import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from scoreline.demo.processes import get_json, get_text
from scoreline.errors import Unavailable
from scoreline.observability.drift.report import VersionReport
from scoreline.observability.labels.report import QualityReport

WITHIN_SECONDS = 60.0
LOOK_SECONDS = 0.1

Answer = TypeVar("Answer")


class ServiceWatch:
    """One service over HTTP.

    Args:
        url: of the sidecar, without a slash at the end.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def read_stats(self) -> dict[str, Any]:
        """What `/stats` says."""
        found: dict[str, Any] = get_json(f"{self.url}/stats")
        return found

    def read_drift(self) -> VersionReport:
        """What `/drift` says of the only version that is served."""
        version: VersionReport = get_json(f"{self.url}/drift")["versions"][0]
        return version

    def count_drift_events(self) -> int:
        """Events that the service says are on their topic, or on their way there."""
        text = get_text(f"{self.url}/metrics")
        dropped = sum_series(text, "scoreline_drift_events_dropped_total")
        return int(sum_series(text, "scoreline_drift_events_total") - dropped)

    def await_judged(self, scored_at_ms: float) -> VersionReport:
        """What `/drift` says once the window is judged that has what was scored at that time.

        Raises:
            Unavailable: it is not judged in time.
        """
        return _await(
            self.read_drift,
            lambda told: told["window"] is not None and _to_ms(told["window"]["ended_at"]) >= scored_at_ms,
            lambda told: f"its drift was not judged: {told['detail'] or told['window']}",
        )

    def await_labels(self, count: int) -> QualityReport:
        """What `/stats` says of quality once the service has dealt with so many labels.

        Raises:
            Unavailable: it has not in time.
        """
        return _await(
            self._read_quality,
            lambda told: count_settled(told) >= count,
            lambda told: f"{count} labels were sent, but only {count_settled(told)} were dealt with",
        )

    def await_no_lag(self) -> int:
        """Records that wait to be scored: 0, or how many still do when no more time is given."""
        deadline = time.monotonic() + WITHIN_SECONDS
        while (lag := self._count_lag()) > 0 and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        return lag

    def _count_lag(self) -> int:
        return int(sum_series(get_text(f"{self.url}/metrics"), "scoreline_consumer_lag_records"))

    def _read_quality(self) -> QualityReport:
        quality: QualityReport = self.read_stats()["quality"]
        return quality


def sum_series(exposition: str, name: str) -> float:
    r"""The sum of all series of a metric in the text that Prometheus reads.

    >>> sum_series('lag{partition="0"} 2.0\nlag{partition="1"} 3.0\nlag_seconds 9.0\n', "lag")
    5.0
    """
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)", exposition, re.MULTILINE))


def count_settled(quality: QualityReport) -> int:
    """Labels that came to an outcome, whichever it is."""
    return (
        quality["joined"]
        + quality["invalid"]
        + quality["unmatched"]
        + quality["repeated"]
        + quality["empty"]
        + quality["unreadable"]
    )


def _await(read: Callable[[], Answer], is_there: Callable[[Answer], bool], say: Callable[[Answer], str]) -> Answer:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not is_there(told := read()):
        if time.monotonic() > deadline:
            raise Unavailable(f"the service answers, but within {WITHIN_SECONDS:.0f} s {say(told)}")
        time.sleep(LOOK_SECONDS)
    return told


def _to_ms(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp() * 1000
