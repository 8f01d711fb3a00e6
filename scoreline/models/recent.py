"""What was found out lately, for as long as it holds, in bounded memory."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from scoreline.records import Clock

MOST_REMEMBERED = 1024

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps the latest answers by what was asked. Safe between threads.

    Args:
        seconds: how long an answer holds.
        clock: seconds, monotonic.
    """

    def __init__(self, seconds: float, *, clock: Clock, most: int = MOST_REMEMBERED) -> None:
        self._seconds = seconds
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def find(self, key: K) -> V | None:
        """The answer, while it holds."""
        with self._lock:
            found = self._known.get(key)
        return found[1] if found is not None and self._clock() < found[0] else None

    def keep(self, key: K, value: V) -> None:
        """Remember an answer from now on; the oldest one goes where there are too many."""
        with self._lock:
            self._known[key] = self._clock() + self._seconds, value
            self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def forget(self) -> None:
        """Nothing is known any more."""
        with self._lock:
            self._known.clear()
