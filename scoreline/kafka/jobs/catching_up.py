"""Callers that wait until all that was acknowledged before they asked has been read."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from scoreline.errors import ServiceError, Unavailable
from scoreline.kafka.jobs.topics import Ends, TellEnds
from scoreline.records import Clock


@dataclass(frozen=True, slots=True)
class _Waiter:
    future: "Future[None]"
    until: float
    ends: Ends


class CatchingUp:
    """Asks for the ends of a topic, and lets everyone go whose ends have been reached; safe between threads.

    Only one question is under way at a time: who comes meanwhile waits for the next, which serves all of them.

    Args:
        ask: has the ends of all partitions told, once, perhaps from another thread.
        seconds: after which a caller is told that it takes too long.
        explain: why nothing comes, where something is known to be wrong.
        clock: monotonic seconds.
    """

    def __init__(
        self, ask: Callable[[TellEnds], None], *, seconds: float, explain: Callable[[], str | None], clock: Clock
    ) -> None:
        self._ask = ask
        self._seconds = seconds
        self._explain = explain
        self._clock = clock
        self._lock = threading.Lock()
        self._positions: dict[int, int] = {}
        self._unasked: list[tuple[Future[None], float]] = []
        self._asking = False
        self._waiting: list[_Waiter] = []
        self._partitions = 0

    @property
    def partitions(self) -> int:
        """The highest number of partitions that an answer has told of."""
        return self._partitions

    def wait(self) -> "Future[None]":
        """Done when everything that is acknowledged by now has been read; fails with Unavailable when it takes long."""
        future: Future[None] = Future()
        with self._lock:
            self._unasked.append((future, self._clock() + self._seconds))
            if self._asking:
                return future
            self._asking = True
        self._ask_for_all()
        return future

    def read(self, partition: int, position: int) -> None:
        """Everything before a position has been read."""
        self._positions[partition] = position

    def settle(self) -> None:
        """Let those go who have waited for what was read, and those who have waited too long; to be called often."""
        if not self._waiting:
            return
        with self._lock:
            now = self._clock()
            done = [w for w in self._waiting if self._is_reached(w.ends)]
            late = [w for w in self._waiting if w.until <= now and w not in done]
            self._waiting = [w for w in self._waiting if w not in done and w not in late]
        for waiter in done:
            _let_go(waiter.future)
        for waiter in late:
            _let_go(
                waiter.future,
                Unavailable(f"not all events of jobs have been read in time: {self._find_reason(waiter.ends)}"),
            )

    def _ask_for_all(self) -> None:
        with self._lock:
            asked, self._unasked = self._unasked, []
        self._ask(partial(self._take, asked))

    def _take(self, asked: "list[tuple[Future[None], float]]", told: Ends | ServiceError) -> None:
        if isinstance(told, ServiceError):
            for future, _ in asked:
                _let_go(future, Unavailable(str(told)))
        else:
            with self._lock:
                self._partitions = max(self._partitions, len(told))
                self._waiting.extend(_Waiter(future, until, told) for future, until in asked)
            self.settle()
        with self._lock:
            self._asking = bool(self._unasked)
        if self._asking:
            self._ask_for_all()

    def _is_reached(self, ends: Ends) -> bool:
        return all(self._positions.get(partition, 0) >= end for partition, end in ends.items())

    def _find_reason(self, ends: Mapping[int, int]) -> str:
        left = sum(max(0, end - self._positions.get(partition, 0)) for partition, end in ends.items())
        return self._explain() or f"{left} are left, or hidden behind a transaction that a worker has left open"


def _let_go(future: "Future[None]", error: ServiceError | None = None) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
