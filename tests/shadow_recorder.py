"""Keeps what comes of shadows, and can be waited for."""

import threading
from dataclasses import dataclass

SECONDS = 10.0


@dataclass(frozen=True)
class Compared:
    """Rows that both have scored, as lists."""

    version: int
    shadow: int
    scores: list
    shadowed: list


class ShadowRecorder:
    """A `scoreline.scoring.shadows.ShadowObserver`."""

    def __init__(self):
        self.compared = []
        self.dropped = 0
        self._told = threading.Condition()

    def shadow_scored(self, answered, shadow, scores, shadowed):
        with self._told:
            self.compared.append(Compared(answered.version, shadow.version, scores.tolist(), shadowed.tolist()))
            self._told.notify_all()

    def shadow_dropped(self, rows):
        with self._told:
            self.dropped += rows
            self._told.notify_all()

    def await_told(self, *, compared=0, dropped=0):
        """Wait until so many batches were compared, and so many rows dropped."""
        with self._told:
            assert self._told.wait_for(lambda: len(self.compared) >= compared and self.dropped >= dropped, SECONDS)
