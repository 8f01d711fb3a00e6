"""What takes seconds, one at a time on a thread beside the one that judges: to load a baseline, and to calibrate."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class Errands:
    """Starts what nobody waits for; for one thread.

    Args:
        wake: called, on the thread beside, whenever one is over.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._is_busy = False

    def start(self, call: Callable[[], T]) -> "Future[T] | None":
        """Start a call, and give what comes of it; None where another one is under way."""
        if self._is_busy:
            return None
        self._is_busy = True
        future: Future[T] = Future()
        # A daemon: a stop waits for no calibration.
        threading.Thread(target=self._run, args=(call, future), name="drift-beside", daemon=True).start()
        return future

    def _run(self, call: Callable[[], T], future: "Future[T]") -> None:
        try:
            found = call()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for what came of it
            future.set_exception(error)
        else:
            future.set_result(found)
        self._is_busy = False
        self._wake()
