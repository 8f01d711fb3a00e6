"""What is done to whom and when: drawn from a seed, so that a torture can be had again."""

import random
from collections import Counter
from dataclasses import dataclass, fields
from enum import StrEnum


class Kind(StrEnum):
    """Something that may happen to a service."""

    KILL = "kill -9"
    JOIN = "join"
    LEAVE = "leave"
    FREEZE = "freeze"
    STOP = "stop"
    BROKER_KILL = "broker kill -9"
    ELECTION = "leaders move"
    BLACK_HOLE = "black hole"
    RESET = "reset"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens.

    Attributes:
        target: which member or broker, from 0.
        lasting_seconds: how long a freeze, a fault or a broker's absence lasts; before a kill, for how long the member
            is kept from ending what it has begun, so that a transaction is open when it dies.
        wait_seconds: how long nothing else happens afterwards.
        settled: whether the target has to be ready first, however busy the machine is; else it may still be starting.
    """

    kind: Kind
    target: int = 0
    lasting_seconds: float = 0.0
    wait_seconds: float = 0.0
    settled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """How much of everything.

    Attributes:
        kills: of members.
        visits: a further member joins and leaves again.
        freezes: of members, for longer than their session.
        stops: a member gets SIGTERM at a random moment and is started again.
        broker_kills: with a start afterwards.
        elections: leaders go back to a broker that was killed; each follows such a kill.
        faults: of the network, of each kind, between members and brokers.
    """

    kills: int = 0
    visits: int = 0
    freezes: int = 0
    stops: int = 0
    broker_kills: int = 0
    elections: int = 0
    faults: int = 0

    def split(self, parts):
        """Doses that are this one together, each kind spread as evenly as can be."""
        return [
            Dose(**{field.name: share(getattr(self, field.name), part, parts) for field in fields(self)})
            for part in range(parts)
        ]


def share(count, part, parts):
    """The part's share of a count: the shares of all parts add up to it."""
    return count * (part + 1) // parts - count * part // parts


FREEZE_SECONDS = (5.0, 18.0)
"""Longer than a member's session, and longer than its transactions may take, too."""

MOSTLY = 0.75

WAITS = {
    Kind.KILL: (2.0, 5.0),
    Kind.JOIN: (1.5, 3.0),
    Kind.LEAVE: (0.5, 2.0),
    Kind.FREEZE: (1.0, 3.0),
    Kind.STOP: (0.5, 3.0),
    Kind.BROKER_KILL: (3.0, 5.0),
    Kind.ELECTION: (3.0, 5.0),
    Kind.BLACK_HOLE: (2.0, 3.0),
    Kind.RESET: (2.0, 3.0),
    Kind.LATENCY: (1.0, 2.0),
}


def draw_schedule(dose, seed, *, members, brokers=1, pace=1.0, freeze_seconds=FREEZE_SECONDS):
    """Events in random order; a visit is a join, a leave, and at times a kill or a freeze between the two.

    Args:
        seed: the same one gives the same events.
        members: how many there are beside the visitor.
        brokers: how many there are; each is killed in turn.
        pace: what the time between two events is multiplied with.
        freeze_seconds: a freeze lasts for one of these.
    """
    chance = random.Random(seed)
    singles = [
        *(Kind.KILL for _ in range(dose.kills)),
        *(Kind.FREEZE for _ in range(dose.freezes)),
        *(Kind.STOP for _ in range(dose.stops)),
        *(Kind.BROKER_KILL for _ in range(dose.broker_kills - dose.elections)),
        *(kind for kind in (Kind.BLACK_HOLE, Kind.RESET, Kind.LATENCY) for _ in range(dose.faults)),
    ]
    chance.shuffle(singles)
    blocks = [[Kind.JOIN, Kind.LEAVE] for _ in range(dose.visits)]
    for block in blocks:
        if singles and chance.random() < 0.5:
            block.insert(1, singles.pop())
    blocks.extend([kind] for kind in singles)
    blocks.extend([Kind.BROKER_KILL, Kind.ELECTION] for _ in range(dose.elections))
    chance.shuffle(blocks)
    seen = Counter()
    events = []
    for kind in (kind for block in blocks for kind in block):
        target = seen[kind] % brokers if kind is Kind.BROKER_KILL else chance.randrange(members)
        seen[kind] += 1
        events.append(
            Event(
                kind,
                target,
                lasting_seconds=draw_length(kind, chance, freeze_seconds),
                wait_seconds=pace * chance.uniform(*WAITS[kind]),
                settled=kind is Kind.FREEZE or chance.random() < MOSTLY,
            )
        )
    return tuple(events)


def draw_length(kind, chance, freeze_seconds):
    """How long an event of that kind lasts."""
    if kind is Kind.KILL:
        return chance.choice([0.0, chance.uniform(0.05, 0.4)])
    if kind is Kind.FREEZE:
        return chance.choice(freeze_seconds)
    if kind is Kind.BROKER_KILL:
        return chance.uniform(0.2, 3.0)
    if kind in (Kind.BLACK_HOLE, Kind.RESET, Kind.LATENCY):
        return chance.uniform(2.0, 4.0)
    return 0.0
