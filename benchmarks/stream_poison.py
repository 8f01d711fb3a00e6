"""One record in a hundred is broken, in ten ways: what that costs, and whether each is found out for what it is.

python -m benchmarks.stream_poison

Two backlogs of the same length, one clean and one poisoned, are drained in turn, several rounds long, at least once and
exactly once. Every broken record has to lie in the dead-letter topic, once, with the right reason and its own bytes;
every other one has its prediction, with the model's bits.
"""

import argparse
import io
import statistics
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro

from benchmarks.answers import FRAME_BYTES, check_answers
from benchmarks.bounds import Bounds
from benchmarks.deployment import KEYS, PARTITIONS, Deployment, deploy
from benchmarks.draining import Drained, Position, watch_drain
from benchmarks.flights import Flights, load
from scoreline.dead_letters import REASON_HEADER
from scoreline.demo.flights import flight_schema
from scoreline.demo.poison import PIN, Poison
from scoreline.records import Reason, find_header
from scoreline.testing.consume import produce_records, read_records
from scoreline.transport.record import StoredRecord

FLIGHTS = 20_000
BACKLOG = 500_000
ROUNDS = 5
EVERY = 100
"""One record in so many is broken."""
LEAST_RATIO = 0.85
DELIVERIES = ("at-least-once", "exactly-once")
UNKNOWN_SCHEMA = struct.pack(">I", 999_999)
POISONED_KEY = b"poison-%d"


def find_place(payload: bytes, field: str) -> int:
    """Where the bytes of a field begin."""
    fields = flight_schema()["fields"]
    names = [f["name"] for f in fields]
    before = fastavro.parse_schema({**flight_schema(), "name": "Before", "fields": fields[: names.index(field)]})
    stream = io.BytesIO(payload)
    stream.seek(FRAME_BYTES)
    fastavro.schemaless_reader(stream, before, None)
    return stream.tell()


def replace_at(payload: bytes, place: int, value: bytes) -> bytes:
    return payload[:place] + value + payload[place + len(value) :]


def make_kinds() -> list[Poison]:
    """Ten ways to break a framed flight."""
    return [
        Poison("no value at all", Reason.TOMBSTONE, lambda _: None),
        Poison("cut in half", Reason.UNDECODABLE, lambda p: p[: len(p) // 2]),
        Poison("a byte too many", Reason.UNDECODABLE, lambda p: p + b"\x00"),
        Poison("another magic byte", Reason.UNDECODABLE, lambda p: b"\x01" + p[1:]),
        Poison("an unknown schema id", Reason.UNKNOWN_SCHEMA, lambda p: replace_at(p, 1, UNKNOWN_SCHEMA)),
        Poison(
            "a branch that the union lacks",
            Reason.UNDECODABLE,
            lambda p: replace_at(p, find_place(p, "temp"), b"\x04"),
        ),
        Poison(
            "a string of negative length",
            Reason.UNDECODABLE,
            lambda p: replace_at(p, find_place(p, "carrier"), b"\x01"),
        ),
        Poison(
            "a string that is not UTF-8",
            Reason.UNDECODABLE,
            lambda p: replace_at(p, find_place(p, "carrier") + 1, b"\xff"),
        ),
        Poison(
            "an infinite number",
            Reason.INVALID_VALUE,
            lambda p: replace_at(p, find_place(p, "departure_delay"), struct.pack("<d", float("inf"))),
        ),
        Poison("pinned to a version that is not there", Reason.UNKNOWN_VERSION, lambda p: p, ((PIN, b"999"),)),
    ]


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A backlog with broken records in it, the same ones each time it is made.

    Attributes:
        kinds: in turn, one of them in every `EVERY` records.
    """

    payloads: Sequence[bytes]
    kinds: Sequence[Poison]
    backlog: int

    @property
    def broken(self) -> int:
        return self.backlog // EVERY

    def records(self) -> Iterator[StoredRecord]:
        for n in range(self.backlog):
            payload = self.payloads[n % len(self.payloads)]
            number = n // EVERY
            if n == self.place(number):
                yield self.spoil(number, payload, n % PARTITIONS)
            else:
                yield StoredRecord("", n % PARTITIONS, 0, b"%d" % (n % KEYS), payload)

    def place(self, number: int) -> int:
        """Which record of the backlog a broken one is; moves on, so that every partition has its share."""
        return number * EVERY + number % EVERY

    def spoil(self, number: int, payload: bytes, partition: int) -> StoredRecord:
        kind = self.kinds[number % len(self.kinds)]
        return StoredRecord("", partition, 0, POISONED_KEY % number, kind.spoil(payload), kind.headers or None)

    def check(self, dead_letters: Sequence[StoredRecord]) -> None:
        """Each broken record once, its bytes untouched, with the reason of its kind."""
        assert len(dead_letters) == self.broken, f"{len(dead_letters)} dead letters of {self.broken} broken records"
        found = {record.key(): record for record in dead_letters}
        for number in range(self.broken):
            n = self.place(number)
            sent = self.spoil(number, self.payloads[n % len(self.payloads)], n % PARTITIONS)
            kind, record = self.kinds[number % len(self.kinds)], found[sent.key()]
            assert record.value() == sent.value(), f"{kind.name}: other bytes than were sent"
            reason = find_header(record, REASON_HEADER)
            assert reason == kind.reason.value.encode(), f"{kind.name}: {reason!r} instead of {kind.reason.value}"


def measure(
    deployment: Deployment, flights: Flights, inputs: str, backlog: int, poisoned: Poisoned | None, **variables: Any
) -> Drained:
    """Drain a backlog from its start, and look at all that came of it."""
    written = deployment.make_written()
    group = f"group-of-{written.outputs}"
    service = deployment.make_service(group, inputs, written, variables)
    address, transactional = deployment.bootstrap_servers, variables["DELIVERY"] == "exactly-once"
    with (
        Position(address, group, inputs, [written.outputs, written.dead_letters]) as position,
        service.start(),
    ):
        drained = watch_drain(service, position, backlog, transactional=transactional)
        assert service.terminate() == 0
    broken = poisoned.broken if poisoned is not None else 0
    dead_letters = read_records(address, written.dead_letters, at_least=broken, within_seconds=60)
    if poisoned is None:
        assert not dead_letters, f"{len(dead_letters)} dead letters of clean records"
    else:
        poisoned.check(dead_letters)
    check_answers(address, written.outputs, flights, backlog - broken)
    return drained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backlog", type=int, default=BACKLOG, help="records a drain")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    backlog = options.backlog
    flights, kinds, bounds = load(FLIGHTS), make_kinds(), Bounds()
    poisoned = Poisoned(flights.payloads, kinds, backlog)
    with deploy({"flights": flights.booster}) as deployment:
        clean_topic, poisoned_topic = deployment.make_topic("clean"), deployment.make_topic("poisoned")
        deployment.fill(clean_topic, flights.payloads, backlog)
        assert produce_records(deployment.bootstrap_servers, poisoned_topic, poisoned.records()) == backlog
        for delivery in DELIVERIES:
            rounds = [
                (
                    measure(deployment, flights, clean_topic, backlog, None, DELIVERY=delivery),
                    measure(deployment, flights, poisoned_topic, backlog, poisoned, DELIVERY=delivery),
                )
                for _ in range(options.rounds)
            ]
            for name, drains in zip(("clean", f"{1 / EVERY:.0%} poison"), zip(*rounds, strict=True), strict=True):
                print(
                    f"{delivery}, {name}: {statistics.median(d.per_second for d in drains):,.0f} per second, "
                    f"{statistics.median(d.per_cpu_second for d in drains):,.0f} per CPU second",
                    flush=True,
                )
            wall = statistics.median(b.per_second / a.per_second for a, b in rounds)
            cpu = statistics.median(b.per_cpu_second / a.per_cpu_second for a, b in rounds)
            bounds.at_least(f"{delivery}, records per second, poisoned / clean", wall, LEAST_RATIO)
            bounds.at_least(f"{delivery}, records per CPU second, poisoned / clean", cpu, LEAST_RATIO)
    print(f"{poisoned.broken:,} broken records of {len(kinds)} kinds, each with its reason, in every poisoned drain")
    bounds.conclude()


if __name__ == "__main__":
    main()
