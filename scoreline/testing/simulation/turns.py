"""Lets several threads take turns: one runs at a time, and a seed decides who goes on at every request."""

import heapq
import itertools
import random
import threading
from collections.abc import Callable

STUCK_SECONDS = 60.0
"""Real seconds after which a thread that waits for its turn concludes that another one is stuck outside of requests."""


class Killed(BaseException):
    """The process of this actor is gone, between two of its requests; nothing of it may run on."""


class Actor:
    """What runs in one thread, as a process would.

    Args:
        run: what it does.

    Attributes:
        wakes_at: simulated seconds until which it waits.
        frozen_until: simulated seconds until which it is stopped, wherever it is.
        killed: whether it ends where it is.
        ended: whether it has.
    """

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self.name = name
        self.wakes_at = 0.0
        self.frozen_until = 0.0
        self.killed = False
        self.ended = False
        self.gate = threading.Lock()
        self.gate.acquire()
        self.run = run

    @property
    def ready_at(self) -> float:
        """When it can go on."""
        return 0.0 if self.killed else max(self.wakes_at, self.frozen_until)


class Turns:
    """Actors, simulated time, and what is due at some time of it.

    Args:
        rng: decides everything.
        stickiness: how often whoever runs goes on although others could, 0 to 1.
        on_silence: asked for more when all actors have ended and nothing is due; ends everything if it adds nobody.

    Attributes:
        now: simulated seconds.
        failure: what was found; None if nothing was.
        running: whose turn it is.
        history: what happened, in order.
    """

    def __init__(self, rng: random.Random, *, stickiness: float, on_silence: Callable[[], None]) -> None:
        self.now = 0.0
        self.history: list[str] = []
        self.failure: str | None = None
        self.running: Actor | None = None
        self._rng = rng
        self._stickiness = stickiness
        self._on_silence = on_silence
        self._actors: list[Actor] = []
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._over = threading.Event()

    def clock(self) -> float:
        """Simulated seconds."""
        return self.now

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Have something done at a time; it may not make a request."""
        heapq.heappush(self._due, (seconds, next(self._numbers), action))

    def add(self, actor: Actor) -> None:
        """Start an actor; it gets its first turn when the others let it."""
        self._actors.append(actor)
        threading.Thread(target=self._live, args=(actor,), name=actor.name, daemon=True).start()

    def run(self) -> None:
        """Let the actors run until all have ended and nothing is due."""
        while self.failure is None:
            if self._actors:
                self._over.clear()
                self._hand_to(self._choose(None))
                if not self._over.wait(STUCK_SECONDS):
                    self.fail(f"{self.running and self.running.name} does not end its turn")
            elif self._due:
                self.now = max(self.now, self._due[0][0])
                self._do_what_is_due()
            else:
                self._on_silence()
                if not self._actors:
                    return

    def give_way(self) -> None:
        """Whoever runs is about to make a request: others may go first, and it may never go on."""
        actor = self._current()
        following = self._choose(actor)
        if following is not actor:
            self._hand_to(following)
            if not actor.gate.acquire(timeout=STUCK_SECONDS):
                raise Killed
        self.check()

    def check(self) -> None:
        """Go no further if whoever runs has been killed."""
        if self._current().killed:
            raise Killed

    def wait(self, seconds: float) -> None:
        """Whoever runs waits so many simulated seconds, or until it is woken."""
        self._current().wakes_at = self.now + seconds
        self.give_way()

    def kill(self, actor: Actor) -> None:
        """End an actor at its next turn, which is the next of all."""
        actor.killed = True

    def note(self, event: str) -> None:
        """Write it into the history, with the time and whose turn it is."""
        name = self.running.name if self.running is not None else "-"
        self.history.append(f"{self.now:.3f} {name} {event}")

    def fail(self, reason: str) -> None:
        """End everything, because something has been found."""
        if self.failure is None:
            self.failure = reason
        for actor in self._actors:
            actor.killed = True

    def _current(self) -> Actor:
        if self.running is None:
            raise RuntimeError("a request was made outside of the simulation's threads")
        return self.running

    def _live(self, actor: Actor) -> None:
        actor.gate.acquire()
        try:
            if not actor.killed:
                actor.run()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the finding
            self.fail(f"{actor.name} ended with {type(error).__name__}: {error}")
        actor.ended = True
        self._actors.remove(actor)
        if self._actors:
            self._hand_to(self._choose(None))
        else:
            self.running = None
            self._over.set()

    def _hand_to(self, actor: Actor) -> None:
        self.running = actor
        actor.gate.release()

    def _choose(self, current: Actor | None) -> Actor:
        self._do_what_is_due()
        while True:
            ready = [actor for actor in self._actors if actor.ready_at <= self.now]
            if ready:
                break
            soonest = min(actor.ready_at for actor in self._actors)
            self.now = min(soonest, self._due[0][0]) if self._due else soonest
            self._do_what_is_due()
        for actor in ready:
            if actor.killed:
                return actor
        if current is not None and current in ready and self._rng.random() < self._stickiness:
            return current
        return ready[int(self._rng.random() * len(ready))]

    def _do_what_is_due(self) -> None:
        while self._due and self._due[0][0] <= self.now:
            heapq.heappop(self._due)[2]()
