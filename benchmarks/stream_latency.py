"""From the time at which a record was to be sent to the time at which its prediction can be read, at a steady rate.

python -m benchmarks.stream_latency

An open loop at 1,000 and at 5,000 records a second, in turn and several rounds long: without any application, where the
sender writes what the reader reads (the floor); through `scoreline run` at least once; and exactly once. The reader is
a read_committed one. Every prediction's bits are checked; the warm-up counts for nothing else.
"""

import argparse
import multiprocessing
import struct
from collections import defaultdict

import numpy as np

from benchmarks.bounds import Bounds
from benchmarks.deployment import PARTITIONS, Deployment, deploy
from benchmarks.flights import Flights, load
from benchmarks.open_loop import ID_BYTES, Answers, Load, run

FLIGHTS = 5_000
RATES = (1_000, 5_000)
SECONDS = 20.0
WARM_UP_SECONDS = 5.0
ROUNDS = 3
PREDICTION_BYTES = 60
"""Of a prediction behind its score: model, version, source, times."""
HEAD = struct.pack(">bIb", 0, 1, 2 * ID_BYTES)
FLOOR, AT_LEAST_ONCE, EXACTLY_ONCE = "floor", "at least once", "exactly once"
DELIVERIES = {AT_LEAST_ONCE: "at-least-once", EXACTLY_ONCE: "exactly-once"}
BOUNDS_MS = {
    (1_000, AT_LEAST_ONCE): (1.0, 7.0),
    (5_000, AT_LEAST_ONCE): (4.0, 50.0),
    (5_000, EXACTLY_ONCE): (30.0, 90.0),
}
"""How much the median and the 99th percentile may lie over those of the floor."""


def call(load: Load) -> Answers:
    """Run the open loop in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=run, args=(load, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        child.kill()
        child.join()


def measure(
    deployment: Deployment, flights: Flights, expected: np.ndarray, name: str, rate: int, options: argparse.Namespace
) -> Answers:
    """One open loop; every record has its answer, and every answer the bits of `Booster.predict`."""
    written = deployment.make_written()
    bare = {"partitions": PARTITIONS, "seconds": options.seconds, "warm_up_seconds": options.warm_up}
    address, outputs = deployment.bootstrap_servers, written.outputs
    if name == FLOOR:
        tails = [struct.pack("<d", score) + bytes(PREDICTION_BYTES) for score in expected]
        answers = call(Load(address, outputs, outputs, HEAD, tails, per_second=rate, **bare))
    else:
        inputs = deployment.make_topic("features")
        tails = [p[len(HEAD) + len(i) :] for p, i in zip(flights.payloads, flights.ids, strict=True)]
        variables = {"DELIVERY": DELIVERIES[name]}
        with deployment.make_service(f"group-of-{inputs}", inputs, written, variables).start() as service:
            service.await_ready()
            answers = call(Load(address, inputs, outputs, HEAD, tails, per_second=rate, **bare))
            assert service.terminate() == 0
    lost = int(np.isnan(answers.seconds).sum())
    assert not lost, f"{lost} records have no answer"
    assert not answers.repeated, f"{answers.repeated} answers came twice"
    count = len(answers.scores)
    assert np.array_equal(answers.scores, expected[np.arange(count) % len(expected)]), "other bits than predict's"
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="measured seconds of each loop")
    parser.add_argument("--warm-up", type=float, default=WARM_UP_SECONDS, help="seconds before them")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    flights = load(FLIGHTS)
    expected = flights.booster.predict(flights.matrix, num_threads=1)
    found: dict[tuple[int, str], list[np.ndarray]] = defaultdict(list)
    with deploy({"flights": flights.booster}) as deployment:
        for turn in range(options.rounds):
            for rate in RATES:
                for name in (FLOOR, AT_LEAST_ONCE, EXACTLY_ONCE):
                    answers = measure(deployment, flights, expected, name, rate, options)
                    measured = answers.seconds[int(rate * options.warm_up) :] * 1000
                    quantiles = np.quantile(measured, (0.5, 0.99))
                    found[rate, name].append(quantiles)
                    print(
                        f"{turn + 1}/{options.rounds} {rate:,}/s {name}: p50 {quantiles[0]:.1f} ms, "
                        f"p99 {quantiles[1]:.1f} ms; the sender was {answers.late_seconds * 1000:.1f} ms late at p99",
                        flush=True,
                    )
    middle = {key: np.median(rounds, axis=0) for key, rounds in found.items()}
    for (rate, name), (p50, p99) in middle.items():
        print(f"{rate:6,}/s {name:14} p50 {p50:7.1f} ms  p99 {p99:7.1f} ms")
    bounds = Bounds()
    for (rate, name), limits in BOUNDS_MS.items():
        for label, over, limit in zip(("p50", "p99"), middle[rate, name] - middle[rate, FLOOR], limits, strict=True):
            bounds.at_most(f"{rate:,}/s {name}, {label} over the floor's, ms", over, limit)
    bounds.conclude()


if __name__ == "__main__":
    main()
