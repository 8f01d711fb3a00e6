"""Remembering as best effort: a cache folder that cannot be used spoils no answer, and is told of once."""

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

from scoreline.errors import DependencyError

T = TypeVar("T")


class CacheObserver(Protocol):
    """Learns that this machine cannot keep, or find, what it should; may not raise."""

    def not_remembered(self, detail: str) -> None:
        """Take note of why; told again only when something was kept since."""
        ...


class BestEffort:
    """Tries to remember. Safe to share between threads.

    Args:
        observers: told of each trouble once.
    """

    def __init__(self, observers: tuple[CacheObserver, ...]) -> None:
        self._observers = observers
        self._lock = threading.Lock()
        self._told = False

    def keep(self, keep: Callable[[], bool]) -> None:
        """Keep something, if that is possible.

        Args:
            keep: tells whether it had to write anything; raises `DependencyError` where it cannot.
        """
        try:
            written = keep()
        except DependencyError as error:
            self._tell(error)
            return
        if written:
            with self._lock:
                self._told = False

    def find(self, find: Callable[[], T | None]) -> T | None:
        """Find something; None also where the folder cannot be read.

        Args:
            find: raises `DependencyError` where it cannot.
        """
        try:
            return find()
        except DependencyError as error:
            self._tell(error)
            return None

    def _tell(self, error: DependencyError) -> None:
        with self._lock:
            if self._told:
                return
            self._told = True
        for observer in self._observers:
            observer.not_remembered(str(error))
