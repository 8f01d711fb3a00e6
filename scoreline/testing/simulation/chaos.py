"""What happens to a group between any two requests of its members, drawn from a seed."""

import random
from collections.abc import Callable, Sequence

from scoreline.testing.simulation.crew import Crew
from scoreline.testing.simulation.judge import INPUT, WatchedBroker
from scoreline.testing.simulation.members import GROUP, Member, Weather
from scoreline.testing.simulation.turns import Turns
from scoreline.transport.memory import Fault, MemoryTransactions, Outcome, Transaction

PARTITIONS = 4
ASKS = frozenset({"send_offsets", "commit", "abort", "start"})


class Chaos:
    """Breaks things; `heal` ends it.

    Args:
        exactly_once: whether members publish in transactions.
    """

    def __init__(
        self,
        rng: random.Random,
        turns: Turns,
        broker: WatchedBroker,
        weather: Weather,
        crew: Crew,
        *,
        exactly_once: bool,
    ) -> None:
        self._rng = rng
        self._turns = turns
        self._broker = broker
        self._group = broker.group(GROUP)
        self._weather = weather
        self._crew = crew
        self._records = 0
        self._inputs: list[Transaction] = []
        self._cut_off: dict[Member, None] = {}
        self._choices: list[tuple[Callable[[], None], float]] = [
            (self._append, 7),
            (crew.kill, 2),
            (crew.freeze, 3),
            (self._expire, 2),
            (crew.join, 3),
            (crew.leave, 1.5),
            (crew.beat, 2),
            (self._cut_off_some, 3),
            (self._take_registry_away, 1),
            (self._trip_breaker, 0.7),
            (self._refuse_commit, 1 if exactly_once else 4),
            (self._hold_answers, 1.5),
            (self._delete_old, 0.5),
            *(
                [
                    (self._break_call, 6.0),
                    (self._hold_markers, 2.0),
                    (self._time_transaction_out, 1.0),
                    (self._refuse_outputs, 1.0),
                ]
                if exactly_once
                else [(self._refuse_outputs, 3.0), (self._lose_acknowledgements, 3.0)]
            ),
        ]
        self._weights = [weight for _, weight in self._choices]

    def begin(self) -> None:
        """Records to start with, and the first members."""
        for _ in range(self._rng.randint(4, 10)):
            self._append()
        for _ in range(self._rng.randint(1, 3)):
            self._crew.join()

    def strike(self) -> None:
        """One thing happens."""
        [action] = self._rng.choices([choice for choice, _ in self._choices], self._weights)
        self._turns.note(f"strikes: {action.__name__.strip('_').replace('_', ' ')}")
        action()

    def before_request(self, kind: str) -> None:
        """Whatever is asked by a member that does not reach the broker has no answer."""
        member = self._crew.find_running() if self._cut_off else None
        if member not in self._cut_off:
            return
        if kind == "commit_offsets" and not self._group.refusals:
            self._group.refusals.append("_TIMED_OUT")
        elif kind in ASKS and isinstance(member.publisher, MemoryTransactions):
            member.publisher.faults.append(self._rng.choice([Fault.NO_ANSWER, Fault.NO_ANSWER, Fault.ANSWER_LOST]))

    def heal(self) -> None:
        """Nothing more happens: what was broken works again, and one more member sees to the rest."""
        self._crew.is_last = True
        self._weather.registry_away = self._weather.breaker_tripped = False
        self._cut_off.clear()
        self._group.refusals.clear()
        self._group.hold_answers = False
        for transaction in self._inputs:
            self._end_input(transaction)
        fate = self._rng.random()
        for member in self._crew.members:
            self._mend(member)
            if fate < 0.4 and member.lives:
                self._crew.end(member)
            elif fate < 0.8:
                self._crew.stop(member)
        self._crew.join()

    def _append(self) -> None:
        """Some records, sometimes in a transaction of their own, which may be aborted, or left open for a while."""
        partition = self._rng.randrange(PARTITIONS)
        transaction = Transaction() if self._rng.random() < 0.3 else None
        for _ in range(self._rng.randint(1, 5)):
            kind = self._rng.choices([b"good", b"bad", b"large"], [12, 2, 1])[0]
            self._records += 1
            self._broker.append(INPUT, b"%s%d" % (kind, self._records), partition=partition, transaction=transaction)
        if transaction is not None:
            self._inputs.append(transaction)
            if self._rng.random() < 0.7:
                self._end_input(transaction)
            else:
                self._turns.at(self._turns.now + self._rng.random(), lambda: self._end_input(transaction))

    def _end_input(self, transaction: Transaction) -> None:
        if transaction.outcome is Outcome.OPEN:
            transaction.end(Outcome.COMMITTED if self._rng.random() < 0.6 else Outcome.ABORTED)

    def _expire(self) -> None:
        """A member that is well is taken for dead, rather one that waits: it may have its partitions back meanwhile."""
        waiting = [m for m in self._crew.find_alive() if m in self._cut_off]
        member = self._rng.choice(waiting) if waiting and self._rng.random() < 0.7 else self._crew.pick()
        if member is not None:
            self._group.expire(member.name)

    def _cut_off_some(self) -> None:
        """One member, or all, reach the broker no more: what they publish and ask waits.

        One alone may be taken for dead meanwhile, so that others have its partitions, and it has them back.
        """
        one = self._crew.pick()
        if one is not None and self._rng.random() < 0.6:
            victims = [one]
            if self._rng.random() < 0.5:
                self._later(lambda: self._group.expire(one.name), most_seconds=3.0)
        else:
            victims = self._crew.find_alive()
        for member in victims:
            self._cut_off[member] = None
            if member.publisher is not None:
                member.publisher.acknowledging = False
        self._later(lambda: self._reach_again(victims), most_seconds=6.0)

    def _reach_again(self, victims: Sequence[Member]) -> None:
        for member in victims:
            self._cut_off.pop(member, None)
            if member.publisher is not None:
                member.publisher.acknowledging = True
                if isinstance(member.publisher, MemoryTransactions):
                    member.publisher.faults.clear()

    def _take_registry_away(self) -> None:
        self._weather.registry_away = True
        self._later(lambda: setattr(self._weather, "registry_away", False), most_seconds=12.0)

    def _trip_breaker(self) -> None:
        self._weather.breaker_tripped = True
        self._later(lambda: setattr(self._weather, "breaker_tripped", False), most_seconds=3.0)

    def _refuse_commit(self) -> None:
        refusals = ["REBALANCE_IN_PROGRESS", "NOT_COORDINATOR", "_TIMED_OUT"]
        self._group.refusals.extend(self._rng.choices(refusals, k=self._rng.randint(1, 3)))

    def _hold_answers(self) -> None:
        self._group.hold_answers = True
        self._later(lambda: setattr(self._group, "hold_answers", False), most_seconds=1.0)

    def _delete_old(self) -> None:
        for partition in self._broker.partitions_of(INPUT):
            self._broker.log(partition).delete_before(self._group.committed.get(partition, 0))

    def _refuse_outputs(self) -> None:
        """From some record on everything is refused for a while."""
        member = self._crew.pick()
        if member is not None and member.publisher is not None:
            publisher = member.publisher
            publisher.refusals.extend([None] * self._rng.randint(0, 3) + ["_MSG_TIMED_OUT"] * 1000)
            self._later(publisher.refusals.clear, most_seconds=0.5)

    def _lose_acknowledgements(self) -> None:
        """What was stored is acknowledged late, or given up by the client."""
        member = self._crew.pick()
        if member is not None and member.publisher is not None:
            publisher = member.publisher
            publisher.lose_acknowledgements = self._rng.randint(1, 8)
            refusal = "_MSG_TIMED_OUT" if self._rng.random() < 0.3 else None

            def answer() -> None:
                publisher.lose_acknowledgements = 0
                publisher.answer_lost(refusal)

            self._later(answer, most_seconds=2.0)

    def _break_call(self) -> None:
        member = self._crew.pick()
        if member is not None and isinstance(member.publisher, MemoryTransactions):
            faults: list[Fault | None] = [None] * self._rng.randint(0, 2)
            kinds = [Fault.NO_ANSWER, Fault.ANSWER_LOST, Fault.REFUSED, Fault.FATAL]
            member.publisher.faults.extend(
                [*faults, *self._rng.choices(kinds, [3, 4, 3, 1], k=self._rng.randint(1, 2))]
            )

    def _time_transaction_out(self) -> None:
        member = self._crew.pick()
        if member is not None and member.transactional_id is not None:
            self._broker.transactions.time_out(member.transactional_id)

    def _hold_markers(self) -> None:
        """Transactions end, and those that took part in them learn of it one after the other."""
        self._broker.transactions.hold_markers = True

        def write_some() -> None:
            self._broker.transactions.hold_markers = False
            if self._broker.transactions.write_marker():
                self._later(write_some, most_seconds=0.3)

        self._later(write_some, most_seconds=2.0)

    def _mend(self, member: Member) -> None:
        publisher = member.publisher
        if publisher is None:
            return
        publisher.acknowledging = True
        publisher.refusals.clear()
        publisher.lose_acknowledgements = 0
        publisher.answer_lost()
        if isinstance(publisher, MemoryTransactions):
            publisher.faults.clear()

    def _later(self, action: Callable[[], None], *, most_seconds: float) -> None:
        self._turns.at(self._turns.now + self._rng.random() * most_seconds, action)
