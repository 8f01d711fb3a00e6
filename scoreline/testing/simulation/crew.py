"""The members of a simulated group: how they come, end, freeze, and what their broker makes of that."""

import random

from scoreline.errors import FatalClientError
from scoreline.testing.simulation.judge import WatchedBroker
from scoreline.testing.simulation.members import GROUP, Make, Member, Weather
from scoreline.testing.simulation.turns import Turns
from scoreline.transport.memory import Transaction

MOST_MEMBERS = 4
SESSION_SECONDS = 1.5
TRANSACTION_SECONDS = 3.0
PLAYED = ("PRODUCER_FENCED", "the producer cannot go on")
"""A member may end with these, because they were played; any other reason is a finding."""


class Crew:
    """Starts members and ends them, one way or another.

    Args:
        exactly_once: whether members publish in transactions.

    Attributes:
        members: all that have been started.
        is_last: whether no more are wanted than it takes to see to the rest.
    """

    def __init__(
        self,
        rng: random.Random,
        turns: Turns,
        broker: WatchedBroker,
        weather: Weather,
        *,
        make: Make,
        exactly_once: bool,
    ) -> None:
        self.members: list[Member] = []
        self.is_last = False
        self._rng = rng
        self._turns = turns
        self._broker = broker
        self._group = broker.group(GROUP)
        self._weather = weather
        self._make = make
        self._exactly_once = exactly_once
        self._stable_ids = rng.random() < 0.7

    def find_alive(self) -> list[Member]:
        """Those that are to go on."""
        return [m for m in self.members if m.lives]

    def find_running(self) -> Member | None:
        """Whose turn it is."""
        return next((m for m in self.members if m.actor is self._turns.running), None)

    def pick(self) -> Member | None:
        """Rather the one that is running: its next request is the one that is broken."""
        alive = self.find_alive()
        running = self.find_running()
        if running in alive and self._rng.random() < 0.6:
            return running
        return self._rng.choice(alive) if alive else None

    def join(self) -> None:
        """One more, unless there are enough."""
        if len(self.find_alive()) >= MOST_MEMBERS and not self.is_last:
            return
        name = f"m{len(self.members) + 1:02}"
        # A stable id may still be in use by one that is frozen, stopping, or merely thought to be dead.
        slot = f"slot-{self._rng.randrange(MOST_MEMBERS)}" if self._stable_ids else name
        member = Member(
            name,
            make=self._make,
            turns=self._turns,
            broker=self._broker,
            weather=self._weather,
            rng=self._rng,
            transactional_id=slot if self._exactly_once else None,
            on_end=self._ended,
        )
        self.members.append(member)
        self._turns.add(member.actor)

    def kill(self) -> None:
        """One dies where it is, and may come back."""
        member = self.pick()
        if member is not None:
            self.end(member)
            if self._rng.random() < 0.5:
                self._turns.at(self._turns.now + self._rng.random(), self.join)

    def leave(self) -> None:
        """One is told to stop."""
        member = self.pick()
        if member is not None:
            self.stop(member)

    def freeze(self) -> None:
        """One stands still, for longer than its session or its transaction may last, or not."""
        member = self.pick()
        if member is not None:
            seconds = self._rng.choice([0.5, SESSION_SECONDS + 1, SESSION_SECONDS + 2, TRANSACTION_SECONDS + 1])
            member.actor.frozen_until = self._turns.now + seconds
            self._forget_later(member, seconds)

    def beat(self) -> None:
        """Heartbeats of all go through."""
        for member in self.find_alive():
            self._group.beat(member.name)

    def end(self, member: Member) -> None:
        """It dies where it is."""
        self._turns.kill(member.actor)
        self._forget_later(member)

    def stop(self, member: Member) -> None:
        """It is told to stop, and waits no longer."""
        member.stop.request()
        member.wake()

    def stop_all(self) -> None:
        """Everything is done."""
        for member in self.find_alive():
            self.stop(member)

    def _ended(self, member: Member, reason: Exception | None) -> None:
        """A process is over by itself; its supervisor starts it again if it could not go on."""
        if isinstance(reason, FatalClientError) and not any(played in str(reason) for played in PLAYED):
            self._turns.fail(f"{member.name} could not go on: {reason}")
        self._forget_later(member)
        others = [m for m in self.find_alive() if m is not member]
        if isinstance(reason, FatalClientError) and (not self.is_last or not others):
            self._turns.at(self._turns.now + self._rng.random(), self.join)

    def _forget_later(self, member: Member, until_seconds: float = float("inf")) -> None:
        """The broker notices that nothing is heard of a member, unless it is heard of earlier."""
        now = self._turns.now
        if until_seconds > SESSION_SECONDS:
            self._turns.at(now + SESSION_SECONDS, lambda: self._group.expire(member.name))
        tid = member.transactional_id
        transaction = self._broker.transactions.find_open(tid) if tid is not None else None
        if tid is not None and transaction is not None and until_seconds > TRANSACTION_SECONDS:
            self._turns.at(now + TRANSACTION_SECONDS, lambda: self._time_out(tid, transaction))

    def _time_out(self, transactional_id: str, transaction: Transaction) -> None:
        if self._broker.transactions.find_open(transactional_id) is transaction:
            self._broker.transactions.time_out(transactional_id)
