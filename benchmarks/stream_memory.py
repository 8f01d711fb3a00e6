"""Whether resident memory stays where it is: over millions of records, over rebalances, and far behind.

python -m benchmarks.stream_memory

One service is fed as fast as it drains, on topics that keep a bounded number of bytes. Then a second member joins its
group and leaves it again, over and over, while records go on coming. Last, fresh services find a short and a long
backlog, and their peaks are compared. Memory of the first two is compared with what it was after a warm-up.
"""

import argparse
import statistics
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from benchmarks.bounds import Bounds
from benchmarks.deployment import KEYS, PARTITIONS, deploy
from benchmarks.draining import LOOK_AGAIN_SECONDS, Position
from benchmarks.end_to_end import drain
from benchmarks.flights import load
from benchmarks.usage import resident_mib
from scoreline.testing.service import ServiceProcess

FLIGHTS = 20_000
RECORDS = 20_000_000
REBALANCES = 200
BEHIND = 1_000_000
SHORT_BACKLOG = 100_000
GROWTH_LIMIT = 1.10

LEAD = 200_000
"""How far the feed is ahead at the most, unless there are few records."""
LEAST_LEADS = 5
"""So many times the lead are fed at least: the feed alone would be far ahead otherwise."""
CHUNK = 10_000
BETWEEN_REBALANCES = 2_000
WARM_UP_RECORDS = 400_000
"""What Python and the client have taken by then is what they keep. In records, because a share of few is none."""
WINDOW_SHARE = 0.05
MIB = 1024 * 1024
BOUNDED_INPUT = {"retention.bytes": str(128 * MIB), "segment.bytes": str(32 * MIB)}
BOUNDED_OUTPUT = {"retention.bytes": str(64 * MIB), "segment.bytes": str(16 * MIB)}
BROKER = {"log.retention.check.interval.ms": "5000"}
GROUP = "memory"
ANSWER_SECONDS = 60.0
STALLED_SECONDS = 60.0


@dataclass
class Growth:
    """Resident memory over the course of something."""

    mib: list[float] = field(default_factory=list)

    def report(self, what: str, bounds: Bounds) -> None:
        """Compare the first level with the last one, and with the highest."""
        window = max(1, int(len(self.mib) * WINDOW_SHARE))
        first = statistics.median(self.mib[: window + 1])
        last, highest = statistics.median(self.mib[-window:]), max(self.mib)
        print(
            f"{what}: {first:.0f} MiB after the warm-up, {last:.0f} at the end, {highest:.0f} at the most", flush=True
        )
        bounds.at_most(f"{what}, at the end against after the warm-up", last / first, GROWTH_LIMIT)
        bounds.at_most(f"{what}, at the most against after the warm-up", highest / first, GROWTH_LIMIT)


class Feed:
    """Puts flights onto the input topic, in turn on its partitions, and knows how many."""

    def __init__(self, bootstrap_servers: str, topic: str, payloads: Sequence[bytes]) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "linger.ms": 5,
                "compression.type": "lz4",
                "delivery.report.only.error": True,
                "on_delivery": self._fail,
            }
        )
        self._topic, self._payloads = topic, payloads
        self.sent = 0

    def put(self, count: int) -> None:
        """Send so many, and wait until they are acknowledged."""
        for n in range(self.sent, self.sent + count):
            payload = self._payloads[n % len(self._payloads)]
            self._producer.produce(self._topic, payload, b"%d" % (n % KEYS), n % PARTITIONS)
        self.sent += count
        assert not self._producer.flush(ANSWER_SECONDS), "the feed is not acknowledged"

    @staticmethod
    def _fail(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            raise KafkaException(error)


class Guest:
    """A second member of the group, that takes its share of the partitions and does nothing with them."""

    def __init__(self, bootstrap_servers: str, group_id: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": group_id,
                "enable.auto.commit": False,
                "partition.assignment.strategy": "range",
            }
        )
        self._consumer.subscribe([topic])

    def __enter__(self) -> Self:
        deadline = time.monotonic() + ANSWER_SECONDS
        while not self._consumer.assignment():
            self._consumer.poll(LOOK_AGAIN_SECONDS)
            assert time.monotonic() < deadline, "the guest has got no partition"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()


def read_metric(service: ServiceProcess, name: str) -> float:
    """Sum of a metric's samples."""
    with urllib.request.urlopen(f"{service.url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(x.rsplit(" ", 1)[1]) for x in lines if x.split("{", 1)[0].split(" ", 1)[0] == name)


def await_done(service: ServiceProcess, position: Position, count: int) -> None:
    """Wait until so many records are committed, for as long as it goes on."""
    done, moved_at = -1, time.monotonic()
    while (found := position.read_committed()) < count:
        assert service.running, service.last_words()
        if found != done:
            done, moved_at = found, time.monotonic()
        assert time.monotonic() - moved_at < STALLED_SECONDS, f"stalled at {done} of {count}: {service.last_words()}"
        time.sleep(LOOK_AGAIN_SECONDS)


def flow(service: ServiceProcess, position: Position, feed: Feed, records: int) -> Growth:
    """Feed as fast as the service drains."""
    growth, lead = Growth(), min(LEAD, records // LEAST_LEADS)
    while feed.sent < records:
        feed.put(CHUNK)
        await_done(service, position, feed.sent - lead)
        if feed.sent >= WARM_UP_RECORDS:
            growth.mib.append(resident_mib(service.pid))
    await_done(service, position, feed.sent)
    return growth


def rebalance(
    service: ServiceProcess, position: Position, feed: Feed, rebalances: int, bootstrap_servers: str, topic: str
) -> Growth:
    """Have a guest join and leave, a few records beside each, until the service has seen so many rebalances."""
    growth, before = Growth(), read_metric(service, "scoreline_rebalances_total")
    while read_metric(service, "scoreline_rebalances_total") - before < rebalances:
        feed.put(BETWEEN_REBALANCES)
        with Guest(bootstrap_servers, GROUP, topic):
            feed.put(BETWEEN_REBALANCES)
        await_done(service, position, feed.sent)
        growth.mib.append(resident_mib(service.pid))
    return growth


def measure(records: int, rebalances: int, behind: int, delivery: str) -> Bounds:
    """One service for the first two, fresh ones for the two backlogs."""
    flights, bounds = load(FLIGHTS), Bounds()
    with deploy({"flights": flights.booster}, BROKER) as deployment:
        address, variables = deployment.bootstrap_servers, {"DELIVERY": delivery}
        inputs, written = deployment.make_topic("features", BOUNDED_INPUT), deployment.make_written(BOUNDED_OUTPUT)
        feed = Feed(address, inputs, flights.payloads)
        with (
            Position(address, GROUP, inputs, [written.outputs, written.dead_letters]) as position,
            deployment.make_service(GROUP, inputs, written, variables).start() as service,
        ):
            service.await_ready()
            flow(service, position, feed, records).report(f"{records:,} records", bounds)
            rebalance(service, position, feed, rebalances, address, inputs).report(f"{rebalances} rebalances", bounds)
            assert position.read_written() >= feed.sent
            assert not read_metric(service, "scoreline_dead_letters_total")
            assert service.terminate() == 0
        deployment.topics.delete_all()
        short, long = (drain(deployment, flights, n, variables)[1] for n in (SHORT_BACKLOG, behind))
        print(f"peak with {SHORT_BACKLOG:,} behind {short:.0f} MiB, with {behind:,} behind {long:.0f} MiB")
        bounds.at_most("peak of the long backlog against the short one", long / short, GROWTH_LIMIT)
    return bounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=RECORDS, help="that flow through one service")
    parser.add_argument("--rebalances", type=int, default=REBALANCES, help="that the service sees")
    parser.add_argument("--behind", type=int, default=BEHIND, help="records of the long backlog")
    parser.add_argument("--delivery", choices=("at-least-once", "exactly-once"), default="at-least-once")
    options = parser.parse_args()
    if options.records < 2 * WARM_UP_RECORDS:
        parser.error(f"--records has to be at least {2 * WARM_UP_RECORDS:,}: half of them only warm up")
    measure(options.records, options.rebalances, options.behind, options.delivery).conclude()


if __name__ == "__main__":
    main()
