"""How long each stage of a piece of work took."""

from scoreline.records import Clock


class Stopwatch:
    """Adds up seconds by stage, each from the end of the one before.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock()
        self.laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Book the time since the last lap on `stage`."""
        now = self._clock()
        self.laps[stage] = now - self._last
        self._last = now
