"""Room for what waits: one bound for all who let things wait, however many they are."""

import threading


class Room:
    """Counts bytes that are taken; safe between threads.

    Args:
        most_bytes: that all together may take.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._taken = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Take so many bytes, if they are there; else nothing is taken."""
        with self._lock:
            if self._taken + size > self._most_bytes:
                return False
            self._taken += size
            return True

    def give_back(self, size: int) -> None:
        """Let others have so many bytes that were taken."""
        with self._lock:
            self._taken -= size
