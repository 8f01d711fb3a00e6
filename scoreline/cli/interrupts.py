"""Signals while a Kafka client works: Ctrl-C raised inside one of its calls, it would come out as a SystemError."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def noting_interrupts() -> Iterator[threading.Event]:
    """Only note Ctrl-C while the block runs, which looks at the event; a second one acts at once.

    Use it from the main thread.

    Raises:
        KeyboardInterrupt: at the block's end, where one was noted.
    """
    interrupted = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, previous)

    previous = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, previous)
    if interrupted.is_set():
        raise KeyboardInterrupt


@contextmanager
def noting_terminations() -> Iterator[threading.Event]:
    """Only note SIGTERM while the block runs, which looks at the event; a second one acts at once.

    Use it from the main thread.
    """
    asked = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(signal.SIGTERM, previous)

    previous = signal.signal(signal.SIGTERM, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, previous)
