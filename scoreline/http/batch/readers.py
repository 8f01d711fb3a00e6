"""Readers of results for threads of the sidecar: opened when they are needed, kept for whoever comes next."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from scoreline.jobs.ports import OpenResultReader, ResultReader


class ResultReaders:
    """Lends readers, each to one thread at a time. As many are open as threads ask at once.

    Args:
        keep: so many stay open while nobody has them.
    """

    def __init__(self, open_reader: OpenResultReader, *, keep: int) -> None:
        self._open_reader = open_reader
        self._keep = keep
        self._idle: list[ResultReader] = []
        self._closed = False
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    def take(self) -> ResultReader:
        """A reader, to be given back. May block.

        Raises:
            Unavailable: Kafka is away.
        """
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._open_reader(self._stopping.is_set)

    def give_back(self, reader: ResultReader) -> None:
        """Keep a reader for others, or close it. May block."""
        reader.rest()
        with self._lock:
            if not self._closed and len(self._idle) < self._keep:
                self._idle.append(reader)
                return
        reader.close()

    @contextmanager
    def lend(self) -> Iterator[ResultReader]:
        """A reader for a while; one that was interrupted by an error is not used again."""
        reader = self.take()
        try:
            yield reader
        except BaseException:
            reader.close()
            raise
        self.give_back(reader)

    def stop_waiting(self) -> None:
        """From now on readers read what comes, and do not wait for what does not."""
        self._stopping.set()

    def close(self) -> None:
        """Close those that nobody has; the others are closed when they are given back."""
        with self._lock:
            idle, self._idle, self._closed = self._idle, [], True
        for reader in idle:
            reader.close()
