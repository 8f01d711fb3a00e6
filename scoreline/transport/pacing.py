"""Spreads records evenly over time, for whoever may not go as fast as it could."""

from scoreline.records import Clock

BURST_SECONDS = 1.0
"""What a stall may be made up for with: no more than came due in this time."""

STEP_SECONDS = 0.02
"""How long records are let come due before they are handed out together: fifty small batches a second."""

ROUNDING = 1e-6
"""Parts of a record that sums of fractions may lack."""


class Pacer:
    """Lets records pass at a rate: what is due may pass at once, and time that nobody used is lost but for a second.

    Args:
        per_second: records; None lets everything pass.
        clock: monotonic seconds.
    """

    def __init__(self, per_second: float | None, clock: Clock) -> None:
        self._per_second = per_second
        self._clock = clock
        self._due = 0.0
        self._at = clock()

    def allow(self, wanted: int) -> int:
        """How many of these may pass now."""
        if self._per_second is None:
            return wanted
        now = self._clock()
        most = max(1.0, self._per_second * BURST_SECONDS)
        self._due = min(most, self._due + (now - self._at) * self._per_second)
        self._at = now
        return min(wanted, int(self._due + ROUNDING))

    def take(self, count: int) -> None:
        """So many have passed."""
        self._due -= count

    def wait_seconds(self) -> float:
        """How long until it is worth asking again, where nothing was allowed."""
        if self._per_second is None:
            return 0.0
        worth = max(1.0, self._per_second * STEP_SECONDS)
        return max(0.0, (worth - self._due) / self._per_second)
