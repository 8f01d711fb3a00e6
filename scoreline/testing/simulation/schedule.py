"""One schedule: members, a broker and everything that may happen to them, all of it decided by a seed."""

import random
from dataclasses import dataclass

from scoreline.testing.simulation.chaos import PARTITIONS, Chaos
from scoreline.testing.simulation.crew import Crew
from scoreline.testing.simulation.judge import INPUT, LETTERS, OUTPUT, Judge, WatchedBroker
from scoreline.testing.simulation.members import GROUP, Make, Weather
from scoreline.testing.simulation.turns import Turns
from scoreline.transport.memory import GroupProtocol

MOST_REQUESTS = 5000
"""A schedule that has not ended by then hangs: those that end need a few hundred."""

SECONDS_PER_REQUEST = 0.01


@dataclass(frozen=True, slots=True)
class Mode:
    """What is promised, and how partitions change hands."""

    exactly_once: bool
    protocol: GroupProtocol

    @property
    def delivery(self) -> str:
        """As `SCORELINE_DELIVERY` names it."""
        return "exactly-once" if self.exactly_once else "at-least-once"

    def __str__(self) -> str:
        return f"{self.delivery}, {self.protocol}"


MODES = tuple(Mode(exactly_once, protocol) for exactly_once in (False, True) for protocol in GroupProtocol)


@dataclass(frozen=True, slots=True)
class Report:
    """How a schedule went.

    Attributes:
        finding: what is wrong; None if nothing is.
        requests: that all members made.
        records: that were put in.
        members: that were started.
        history: every request and every fault, in order: the same for the same seed.
    """

    seed: int
    mode: Mode
    finding: str | None
    requests: int
    records: int
    members: int
    history: tuple[str, ...]


class Schedule:
    """Runs once.

    Args:
        make: what members are made of.
    """

    def __init__(self, seed: int, mode: Mode, make: Make | None = None) -> None:
        self._seed = seed
        self._mode = mode
        self._rng = random.Random(seed)  # noqa: S311
        self._turns = Turns(self._rng, stickiness=self._rng.choice([0.3, 0.7, 0.9]), on_silence=self._heal)
        self._broker = WatchedBroker(protocol=mode.protocol, on_request=self._before_request, wait=self._turns.wait)
        for topic in (INPUT, OUTPUT, LETTERS):
            self._broker.create_topic(topic, PARTITIONS)
        self._judge = Judge(self._broker, GROUP, exactly_once=mode.exactly_once, fail=self._turns.fail)
        everything = (self._rng, self._turns, self._broker, Weather())
        self._crew = Crew(*everything, make=make or Make(), exactly_once=mode.exactly_once)
        self._chaos = Chaos(*everything, self._crew, exactly_once=mode.exactly_once)
        self._requests = 0
        self._pace = self._rng.choice([5, 12, 25])
        self._strike_in = self._rng.randint(1, self._pace)
        self._strikes = self._rng.randint(3, 50)
        self._healed = False

    def run(self) -> Report:
        """From the first record to the judge's last word."""
        self._chaos.begin()
        self._turns.run()
        if self._turns.failure is None:
            self._judge.look_at_end()
        return Report(
            self._seed,
            self._mode,
            self._turns.failure,
            self._requests,
            sum(map(len, self._broker.inputs.values())),
            len(self._crew.members),
            tuple(self._turns.history),
        )

    def _before_request(self, kind: str) -> None:
        turns = self._turns
        turns.give_way()
        turns.note(kind)
        self._requests += 1
        turns.now += SECONDS_PER_REQUEST
        if self._requests > MOST_REQUESTS:
            turns.fail(f"it hangs: {MOST_REQUESTS} requests were not enough")
        elif not self._healed:
            self._strike()
        elif self._judge.is_drained():
            self._crew.stop_all()
        self._chaos.before_request(kind)
        turns.check()

    def _strike(self) -> None:
        self._strike_in -= 1
        if self._strike_in > 0:
            return
        self._strike_in = self._rng.randint(1, self._pace)
        if self._strikes:
            self._strikes -= 1
            self._chaos.strike()
        else:
            self._heal()

    def _heal(self) -> None:
        if not self._healed:
            self._healed = True
            self._turns.note("healed")
            self._chaos.heal()


def run_schedule(seed: int, mode: Mode, make: Make | None = None) -> Report:
    """One schedule; the same seed gives the same one."""
    return Schedule(seed, mode, make).run()
