"""The thread that judges: woken when something has ended, and every second for what only time ends."""

import logging
import threading
from collections.abc import Callable

from scoreline.observability.health import ComponentHealth

logger = logging.getLogger("scoreline.drift")

TICK_SECONDS = 1.0
REST_SECONDS = 0.5
"""Between two turns at least: behind a backlog several batches end in that time, and are looked at together, while what
judging needs is in the processor's caches."""


class DriftThread:
    """Calls `turn` when it is woken and at every tick; what ends it on a defect is told by the log and by health.

    Args:
        turn: does what there is to do.
        describe: what is watched, for people.
        woken: set by whoever wants a turn soon.
    """

    def __init__(
        self,
        turn: Callable[[], None],
        describe: Callable[[], str],
        woken: threading.Event,
        *,
        tick_seconds: float = TICK_SECONDS,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self._turn = turn
        self._describe = describe
        self._woken = woken
        self._tick_seconds = tick_seconds
        self._rest_seconds = rest_seconds
        self._stopping = threading.Event()
        self._crashed: str | None = None
        self._thread = threading.Thread(target=self._run, name="drift", daemon=True)

    def start(self) -> None:
        """Begin, with a turn at once: what is live is to be watched from its first row."""
        self._woken.set()
        self._thread.start()

    def close(self, within_seconds: float) -> None:
        """End after the turn that is under way, and wait so long for that."""
        self._stopping.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join(within_seconds)

    def check(self) -> ComponentHealth:
        """The component `drift`; predictions are made without it."""
        works = self._crashed is None
        return ComponentHealth("drift", None, works, works, self._crashed or self._describe(), advisory=True)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._woken.wait(self._tick_seconds)
                self._woken.clear()
                if not self._stopping.is_set():
                    self._turn()
                    self._stopping.wait(self._rest_seconds)
        except Exception as error:
            logger.exception("drift is not watched any more", extra={"event": "drift_crashed"})
            self._crashed = f"the thread that judges drift has ended ({type(error).__name__})"
