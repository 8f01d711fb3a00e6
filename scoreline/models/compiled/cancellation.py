"""A compilation that can be called off from another thread."""

import subprocess
import threading


class Cancellation:
    """Ends the child process of a compilation, now or as soon as there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether it has been called off."""
        return self._cancelled

    def cancel(self) -> None:
        """Call it off; a second time does nothing."""
        with self._lock:
            self._cancelled = True
            if self._child is not None:
                self._child.kill()

    def attach(self, child: "subprocess.Popen[bytes]") -> None:
        """Name the child process that works on it."""
        with self._lock:
            self._child = child
            if self._cancelled:
                child.kill()
