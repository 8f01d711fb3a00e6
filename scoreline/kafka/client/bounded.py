"""Calls of the client library that may hang for as long as a broker is away, given a bound."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")


def call_in_thread(call: Callable[[], T]) -> Future[T]:
    """Start a call on a thread of its own; a caller that stops waiting leaves it behind.

    librdkafka repeats a synchronous commit until a broker answers (30 s and more with a frozen one), and closing a
    consumer waits for such commits: neither has a time-out of its own.
    """
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is asked for
            answer.set_exception(error)

    threading.Thread(target=run, name="kafka-bounded-call", daemon=True).start()
    return answer


def has_ended(call: Future[T], within_seconds: float) -> bool:
    """Whether a call has returned or raised, once it has or the time is up."""
    return bool(wait([call], within_seconds).done)
