"""Records per CPU second, beside the best loop written by hand and beside the limit, all on one real Kafka.

python -m benchmarks.stream_throughput

A backlog of flights on 4 partitions is drained in turn, several rounds long, by `scoreline run` at least once and
exactly once, with the model of 200 trees of 63 leaves and with a smaller one of 100 trees of 31; by the loop of
`handwritten`, plain and in transactions; and by that of `limit`, which does nothing but transport and predict. CPU
seconds are those of the process with all its threads, from the first record to the last. The bounds are ratios to the
plain handwritten loop with the larger model, round by round. `--compiled` adds the larger model compiled to native
code, at least once, which was compiled before the first drain and is loaded at the start of each.
"""

import argparse
import multiprocessing
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import handwritten, limit
from benchmarks.answers import check_answers
from benchmarks.bounds import Bounds
from benchmarks.deployment import Deployment, Written, deploy
from benchmarks.draining import Drained, Draining, Position, watch_drain
from benchmarks.flights import Flights, load
from benchmarks.handwritten import Work
from scoreline.models.cache import ModelCache
from scoreline.models.compiled.cancellation import Cancellation
from scoreline.models.compiled.versions import VersionCompiler
from scoreline.models.loading import VersionLoader
from scoreline.models.store import ModelStore

FLIGHTS = 20_000
BACKLOG = 500_000
ROUNDS = 5
SMALLER = {"trees": 100, "leaves": 31}
BUSIEST_SHARE = 0.90

AT_LEAST_ONCE, EXACTLY_ONCE, SMALL_MODEL = "at least once", "exactly once", "at least once, smaller model"
SMALL_EXACTLY_ONCE = "exactly once, smaller model"
COMPILED = "at least once, compiled"
HANDWRITTEN, HANDWRITTEN_TRANSACTIONS, LIMIT = "handwritten", "handwritten, transactions", "limit"
TARGETS = {AT_LEAST_ONCE: 55_000, EXACTLY_ONCE: 50_000, SMALL_MODEL: 95_000, COMPILED: 140_000}
"""Records per CPU second, on the machine that the README names; printed, because they hold on that one only."""
RATIOS = {AT_LEAST_ONCE: 2.2, EXACTLY_ONCE: 2.0, SMALL_MODEL: 3.7, COMPILED: 4.2}
"""Times the handwritten loop, on any machine."""


class ChildProcess:
    """A loop of this folder in a process of its own."""

    def __init__(self, run: Callable[[], None]) -> None:
        self._process = multiprocessing.get_context("spawn").Process(target=run, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.is_alive()

    def last_words(self) -> str:
        return f"the loop ended with {self._process.exitcode}; what it said is above"

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to score the backlog.

    Attributes:
        start: group, topics written → the running process, ended when the context is left.
        answers: whose predictions it writes, to be compared; None if it writes none.
    """

    start: Callable[[str, Written], AbstractContextManager[Draining]]
    answers: Flights | None = None
    transactional: bool = False


def compile_ahead(deployment: Deployment, model: str) -> None:
    """Fill the services' cache, so that they load what is compiled as soon as they run."""
    cache = deployment.folder / "cache"
    loader = VersionLoader(ModelStore(str(deployment.folder / "models")), ModelCache(cache))
    compilation = VersionCompiler(loader.read, cache)(loader.load(model, 1), Cancellation())
    assert compilation.model is not None, compilation.refused


def make_contenders(
    deployment: Deployment, inputs: str, flights: Flights, smaller: Flights, *, compiled: bool
) -> dict[str, Contender]:
    address = deployment.bootstrap_servers
    model = deployment.folder / "flights.txt"
    flights.booster.save_model(model)

    @contextmanager
    def start_ours(variables: Mapping[str, str], group: str, written: Written) -> Iterator[Draining]:
        with deployment.make_service(group, inputs, written, variables).start() as service:
            yield service
            assert service.terminate() == 0

    @contextmanager
    def start_loop(group: str, written: Written, *, transactional: bool) -> Iterator[Draining]:
        work = Work(address, group, inputs, written.outputs, model, transactional=transactional)
        yield from keep(ChildProcess(partial(handwritten.run, work)))

    @contextmanager
    def start_limit(group: str, written: Written) -> Iterator[Draining]:
        work = Work(address, group, inputs, written.outputs, model)
        yield from keep(ChildProcess(partial(limit.run, work, flights.matrix)))

    exactly_once, small = {"DELIVERY": "exactly-once"}, {"MODEL": "smaller"}
    also = {COMPILED: Contender(partial(start_ours, {"MODEL_ENGINE": "compiled"}), flights)} if compiled else {}
    return {
        AT_LEAST_ONCE: Contender(partial(start_ours, {}), flights),
        **also,
        HANDWRITTEN: Contender(partial(start_loop, transactional=False), flights),
        EXACTLY_ONCE: Contender(partial(start_ours, exactly_once), flights, transactional=True),
        HANDWRITTEN_TRANSACTIONS: Contender(partial(start_loop, transactional=True), flights, transactional=True),
        SMALL_MODEL: Contender(partial(start_ours, small), smaller),
        SMALL_EXACTLY_ONCE: Contender(partial(start_ours, {**small, **exactly_once}), smaller, transactional=True),
        LIMIT: Contender(start_limit),
    }


def keep(child: ChildProcess) -> Iterator[Draining]:
    try:
        yield child
    finally:
        child.kill()


def measure(deployment: Deployment, inputs: str, contender: Contender, group: str, backlog: int) -> Drained:
    """Drain the backlog once, from its start, with a group and topics of its own."""
    written = deployment.make_written()
    topics = [written.outputs, written.dead_letters]
    with (
        Position(deployment.bootstrap_servers, group, inputs, topics) as position,
        contender.start(group, written) as process,
    ):
        drained = watch_drain(process, position, backlog, transactional=contender.transactional)
    if contender.answers is not None:
        check_answers(deployment.bootstrap_servers, written.outputs, contender.answers, backlog)
    return drained


def report(rounds: Mapping[str, list[Drained]]) -> None:
    """The table, and then the bounds."""

    def middle(name: str, value: Callable[[Drained], float]) -> float:
        return statistics.median(map(value, rounds[name]))

    def ratio(name: str, other: str) -> float:
        pairs = zip(rounds[name], rounds[other], strict=True)
        return statistics.median(a.per_cpu_second / b.per_cpu_second for a, b in pairs)

    print(f"{'':28}{'per CPU s':>10}{'target':>8}{'per second':>11}{'busiest':>8}{'/ handwritten':>14}{'/ limit':>8}")
    for name in rounds:
        target = f"{TARGETS[name]:,}" if name in TARGETS else ""
        print(
            f"{name:28}{middle(name, lambda d: d.per_cpu_second):10,.0f}{target:>8}"
            f"{middle(name, lambda d: d.per_second):11,.0f}{middle(name, lambda d: d.busiest_share):8.0%}"
            f"{ratio(name, HANDWRITTEN):14.2f}{ratio(name, LIMIT):8.2f}"
        )
    bounds = Bounds()
    for name in (each for each in RATIOS if each in rounds):
        bounds.at_least(f"{name} / handwritten", ratio(name, HANDWRITTEN), RATIOS[name])
    bounds.at_least("busiest thread, at least once", middle(AT_LEAST_ONCE, lambda d: d.busiest_share), BUSIEST_SHARE)
    bounds.conclude()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backlog", type=int, default=BACKLOG, help="records a drain")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--compiled", action="store_true", help="also with MODEL_ENGINE=compiled")
    options = parser.parse_args()
    flights, smaller = load(FLIGHTS), load(FLIGHTS, **SMALLER)
    assert np.array_equal(flights.matrix, smaller.matrix, equal_nan=True)
    with deploy({"flights": flights.booster, "smaller": smaller.booster}) as deployment:
        inputs = deployment.make_topic("features")
        deployment.fill(inputs, flights.payloads, options.backlog)
        contenders = make_contenders(deployment, inputs, flights, smaller, compiled=options.compiled)
        if options.compiled:
            compile_ahead(deployment, "flights")
        rounds: dict[str, list[Drained]] = {name: [] for name in contenders}
        for turn in range(options.rounds):
            for number, (name, contender) in enumerate(contenders.items()):
                drained = measure(deployment, inputs, contender, f"drain-{turn}-{number}", options.backlog)
                rounds[name].append(drained)
                print(f"{turn + 1}/{options.rounds} {name}: {drained.per_cpu_second:,.0f} per CPU second", flush=True)
    report(rounds)


if __name__ == "__main__":
    main()
