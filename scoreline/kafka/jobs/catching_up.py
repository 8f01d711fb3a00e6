"""Callers that wait until all that was acknowledged before they asked has been read."""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from scoreline.errors import ServiceError, Unavailable
from scoreline.kafka.jobs.topics import Ends, TellEnds
from scoreline.records import Clock

logger = logging.getLogger("scoreline.jobs")

QUESTION_SECONDS = 10.0
"""After that no answer comes any more: the requests that a question consists of have time-outs that are shorter."""


@dataclass(frozen=True, slots=True)
class _Asker:
    future: "Future[None]"
    until: float


@dataclass(slots=True)
class _Question:
    askers: list[_Asker]
    put_at: float


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
        self._unasked: list[_Asker] = []
        self._question: _Question | None = None
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
            self._unasked.append(_Asker(future, self._clock() + self._seconds))
            question = self._begin_question()
        self._put(question)
        return future

    def read(self, partition: int, position: int) -> None:
        """Everything before a position has been read."""
        self._positions[partition] = position

    def settle(self) -> None:
        """Let those go who have waited for what was read, and those who have waited too long; to be called often."""
        if not self._waiting and not self._unasked and self._question is None:
            return
        with self._lock:
            now = self._clock()
            done = [w for w in self._waiting if self._is_reached(w.ends)]
            late = [w for w in self._waiting if w.until <= now and w not in done]
            self._waiting = [w for w in self._waiting if w not in done and w not in late]
            unanswered = self._give_up_questions(now)
            question = self._begin_question()
        for waiter in done:
            _let_go(waiter.future)
        for waiter in late:
            _let_go(
                waiter.future,
                Unavailable(f"not all events of jobs have been read in time: {self._find_reason(waiter.ends)}"),
            )
        for asker in unanswered:
            reason = self._explain() or "no broker has answered"
            _let_go(asker.future, Unavailable(f"it is not known how many events of jobs there are: {reason}"))
        self._put(question)

    def _begin_question(self) -> "_Question | None":
        """One for everyone who has none, unless one is under way. The lock is held."""
        if self._question is not None or not self._unasked:
            return None
        self._question = _Question(self._unasked, self._clock())
        self._unasked = []
        return self._question

    def _give_up_questions(self, now: float) -> "list[_Asker]":
        """Those who have no answer in time; a question without one does not hold up the next. The lock is held."""
        late = [asker for asker in self._unasked if asker.until <= now]
        self._unasked = [asker for asker in self._unasked if asker.until > now]
        question = self._question
        if question is not None:
            lost = now - question.put_at >= QUESTION_SECONDS
            late += [asker for asker in question.askers if lost or asker.until <= now]
            question.askers = [asker for asker in question.askers if not lost and asker.until > now]
            self._question = None if lost else question
        return late

    def _put(self, question: "_Question | None") -> None:
        if question is None:
            return
        try:
            self._ask(partial(self._take, question))
        except Exception as error:
            logger.exception("asking for the ends of the events failed", extra={"event": "job_events_unasked"})
            self._take(question, Unavailable(f"the ends of the events of jobs could not be asked for: {error!r}"))

    def _take(self, question: "_Question", told: Ends | ServiceError) -> None:
        with self._lock:
            if self._question is not question:
                return  # it was given up
            self._question = None
            askers = question.askers
            if not isinstance(told, ServiceError):
                self._partitions = max(self._partitions, len(told))
                self._waiting.extend(_Waiter(asker.future, asker.until, told) for asker in askers)
        if isinstance(told, ServiceError):
            for asker in askers:
                _let_go(asker.future, Unavailable(str(told)))
        self.settle()

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
