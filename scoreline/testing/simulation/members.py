"""One process of the service in a simulation: the real loop and deliveries, over the in-memory broker."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scoreline.errors import FatalClientError, StopOverdue, TooManyDeadLetters
from scoreline.records import DeadLetter, Record
from scoreline.stream.breaker import Breaker
from scoreline.stream.loop import BatchLimits, StreamLoop
from scoreline.testing.simulation.judge import INPUT, LETTERS, OUTPUT, WatchedBroker
from scoreline.testing.simulation.scoring import MAX_RECORD_BYTES, IdentityPath
from scoreline.testing.simulation.turns import Actor, Turns
from scoreline.transport.at_least_once import AtLeastOnce
from scoreline.transport.backoff import Backoff
from scoreline.transport.exactly_once import ExactlyOnce
from scoreline.transport.memory import MemoryPublisher, MemorySource, MemoryTransactions
from scoreline.transport.patience import Patience
from scoreline.transport.ports import Delivery

GROUP = "group"
COMMIT_INTERVALS_SECONDS = (0.05, 0.3, 1.0)
TRANSACTION_INTERVAL_SECONDS = 0.01
PATIENCE_SECONDS = 0.6
STOP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Make:
    """What members are made of; a test replaces a part by one that is wrong, to see that it is found."""

    loop: type[StreamLoop] = StreamLoop
    at_least_once: type[AtLeastOnce] = AtLeastOnce
    exactly_once: type[ExactlyOnce] = ExactlyOnce
    source: type[MemorySource] = MemorySource
    publisher: type[MemoryPublisher] = MemoryPublisher
    transactions: type[MemoryTransactions] = MemoryTransactions
    patience: type[Patience] = Patience


class Stop:
    """Implements `scoreline.stream.recovery.StopSignal` over simulated time."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._overdue_at: float | None = None

    def request(self) -> None:
        """Ask for the end."""
        if self._overdue_at is None:
            self._overdue_at = self._turns.now + STOP_SECONDS

    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return self._overdue_at is not None

    def wait(self, timeout: float | None = None) -> bool:
        """Let simulated time go by."""
        if not self.is_set() and timeout:
            self._turns.wait(timeout)
        return self.is_set()

    def is_overdue(self) -> bool:
        """Whether it should be over by now."""
        return self._overdue_at is not None and self._turns.now >= self._overdue_at


class TrippingBreaker(Breaker):
    """Trips when told to: the real one needs a hundred records to say anything."""

    def __init__(self, is_tripped: Callable[[], bool]) -> None:
        super().__init__(max_ratio=1.0, window=100)
        self._is_tripped = is_tripped

    def judge(self, records: Sequence[Record], dead_letters: Sequence[DeadLetter]) -> None:
        """Refuse a batch with a dead letter while tripped."""
        if dead_letters and self._is_tripped():
            raise TooManyDeadLetters("tripped")
        super().judge(records, dead_letters)


@dataclass
class Weather:
    """What is wrong outside the broker at the moment."""

    registry_away: bool = False
    breaker_tripped: bool = False


@dataclass
class Ended:
    """Takes no note of how transactions end: the judge sees what they leave behind."""

    outcomes: list[str] = field(default_factory=list)

    def transaction_ended(self, outcome: str) -> None:
        """Keep it."""
        self.outcomes.append(outcome)


class Member:
    """A process: made, started, run until it is stopped, dies, or cannot go on.

    Args:
        name: unique; its name in the group.
        transactional_id: None for at least once.
        on_end: told when it has ended by itself, with the reason if it could not go on.
    """

    def __init__(
        self,
        name: str,
        *,
        make: Make,
        turns: Turns,
        broker: WatchedBroker,
        weather: Weather,
        rng: random.Random,
        transactional_id: str | None,
        on_end: Callable[["Member", Exception | None], None],
    ) -> None:
        self.transactional_id = transactional_id
        self.stop = Stop(turns)
        self.actor = Actor(name, self._run)
        self.publisher: MemoryPublisher | None = None
        self._make = make
        self._turns = turns
        self._broker = broker
        self._weather = weather
        self._limits = BatchLimits(max_records=rng.randint(1, 8), max_bytes=1 << 20)
        self._commit_interval_seconds = rng.choice(COMMIT_INTERVALS_SECONDS)
        self._seed = rng.getrandbits(32)
        self._on_end = on_end

    @property
    def name(self) -> str:
        """Its name in the group."""
        return self.actor.name

    @property
    def lives(self) -> bool:
        """Whether it has not ended, been killed or been told to stop."""
        return not (self.actor.ended or self.actor.killed or self.stop.is_set())

    def wake(self) -> None:
        """It waits no longer."""
        self.actor.wakes_at = self.actor.frozen_until = 0.0

    def _run(self) -> None:
        reason: Exception | None = None
        try:
            self._serve()
        except (FatalClientError, StopOverdue) as error:
            reason = error
        self._on_end(self, reason)

    def _serve(self) -> None:
        """As the service does it: source, delivery, loop; then the delivery is closed before the source."""
        self._broker.request("join")
        source = self._make.source(self._broker, GROUP, [INPUT], member=self.name)
        delivery = self._open_delivery(source)
        backoff = Backoff(first_seconds=0.05, limit_seconds=0.5, rng=random.Random(self._seed))  # noqa: S311
        loop = self._make.loop(
            source,
            IdentityPath(lambda: self._weather.registry_away).as_path(),
            delivery,
            stop=self.stop,
            clock=self._turns.clock,
            wall_clock=self._turns.clock,
            limits=self._limits,
            backoff=backoff,
            breaker=TrippingBreaker(lambda: self._weather.breaker_tripped),
            breaker_backoff=Backoff(first_seconds=0.2, limit_seconds=1.0, jitter=0.0),
        )
        try:
            loop.run()
        finally:
            delivery.close()
            source.close()

    def _open_delivery(self, source: MemorySource) -> Delivery:
        patience = self._make.patience(
            source,
            clock=self._turns.clock,
            should_give_up=self.stop.is_overdue,
            heartbeat=lambda: None,
            seconds=PATIENCE_SECONDS,
        )
        if self.transactional_id is None:
            self.publisher = self._make.publisher(
                self._broker,
                output_topic=OUTPUT,
                dead_letter_topic=LETTERS,
                max_record_bytes=MAX_RECORD_BYTES,
                wall_clock=self._turns.clock,
            )
            return self._make.at_least_once(
                self.publisher,
                source,
                commit_interval_seconds=self._commit_interval_seconds,
                clock=self._turns.clock,
                patience=patience,
            )
        transactions = self._make.transactions(
            self._broker,
            self._broker.group(GROUP),
            self.transactional_id,
            output_topic=OUTPUT,
            dead_letter_topic=LETTERS,
            max_record_bytes=MAX_RECORD_BYTES,
            wall_clock=self._turns.clock,
        )
        self.publisher = transactions
        try:
            transactions.start(lambda: not self.stop.is_set())
        except StopOverdue:
            source.close()
            raise
        return self._make.exactly_once(
            transactions,
            source,
            min_interval_seconds=TRANSACTION_INTERVAL_SECONDS,
            clock=self._turns.clock,
            pause=self.stop.wait,
            patience=patience,
            observer=Ended(),
        )
