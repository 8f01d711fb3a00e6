"""What a batch pays for finding its version, and a route for having two: shares of the loop, without Kafka.

python -m benchmarks.model_lookup

Two versions are two copies of the same model, published and loaded as a service does, so that they differ in nothing
but their number. Ratios of one run: CPU seconds of the process, in turns. A batch that is shared out pays for three
things: its keys are hashed, its rows are sorted by version, and LightGBM takes a little longer over two matrices of
half the rows than over one.
"""

import hashlib
import io
import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import fastavro
import numpy as np
import numpy.typing as npt

from benchmarks.bounds import Bounds
from benchmarks.flights import Flights, load
from benchmarks.loop import CollectingDelivery, TimedModel
from scoreline.demo.flights import flight_schema
from scoreline.models.cache import ModelCache
from scoreline.models.live import LiveVersions
from scoreline.models.live_route import LiveRoute
from scoreline.models.publishing import Publication, publish
from scoreline.models.routes import Route
from scoreline.models.store import ModelStore
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.framing import Framing, prefix_for
from scoreline.schemas.predictions import PredictionEncoder
from scoreline.scoring import ScoringPath
from scoreline.scoring.grouping import group_by_version
from scoreline.stream.loop import BatchLimits, StreamLoop
from scoreline.transport.record import StoredRecord

RECORDS = 16_384
"""All different: a processor that knows the rows of a batch by heart foresees what their trees do."""

BATCHES = {2048: 4, 256: 24}
"""Batches of a round, by their records: a round is short, so that what else the machine does weighs on all alike."""

ROUNDS = 60
ROUTES = {"50/50": {1: 50, 2: 50}, "90/10": {1: 90, 2: 10}}
LOOKUPS = 2_000
MOST_LOOKUP = 1.0
MOST_CHOOSING = 5.0
MOST_ROUTE = {2048: 10.0, 256: 15.0}
FRAME_BYTES = 5


def refuse_ids(records):
    raise AssertionError("every record has a key")


class OneSchema:
    def find_writer(self, schema_id):
        return flight_schema()


class ChosenVersions:
    """What is asked for is always the same, loaded before."""

    def __init__(self, route: LiveRoute) -> None:
        self._route = route

    def resolve(self, selector=None):
        return self._route

    def find_resident(self, selector):
        return self._route


class TakingTurns:
    """A source that goes on with the next of the same batches whenever it is asked, and stops after so many."""

    def __init__(self, batches: Sequence[Sequence[StoredRecord]]) -> None:
        self._batches = itertools.cycle(batches)
        self._left = 0
        self.stop = threading.Event()

    def allow(self, batches: int) -> None:
        self._left = batches
        self.stop.clear()

    def poll(self, max_records, max_bytes, timeout_seconds):
        self._left -= 1
        if self._left == 0:
            self.stop.set()
        return next(self._batches)

    def rewind(self, next_offsets):
        raise AssertionError("nothing fails here")


class Case:
    """A loop over the batches, for the versions that one alias means."""

    def __init__(self, route: LiveRoute, batches: Sequence[Sequence[StoredRecord]]) -> None:
        self._source = TakingTurns(batches)
        self.delivery = CollectingDelivery()
        self.spent: list[float] = []
        self.predicted: list[float] = []
        self.versions = ChosenVersions(route)
        self._models = [version.model for version in route.versions]
        path = ScoringPath(
            self.versions,
            PayloadDecoder(OneSchema(), framing=Framing.CONFLUENT, id_field="id"),
            PredictionEncoder(prefix_for(Framing.CONFLUENT, 2_000_000_000, prediction_schema())),
            wall_clock=time.time,
        )
        self._loop = StreamLoop(
            self._source,
            path,
            self.delivery,
            stop=self._source.stop,
            clock=time.monotonic,
            wall_clock=time.time,
            limits=BatchLimits(len(batches[0])),
        )

    def run(self, batches: int) -> None:
        """The next so many batches; the CPU seconds of one of them are noted, all and those inside of the models."""
        self._source.allow(batches)
        for model in self._models:
            model.cpu_seconds = 0.0
        started = time.process_time()
        self._loop.run()
        self.spent.append((time.process_time() - started) / batches)
        self.predicted.append(sum(model.cpu_seconds for model in self._models) / batches)

    def forget(self) -> None:
        self.spent.clear()
        self.predicted.clear()


def time_models(route: LiveRoute) -> LiveRoute:
    """The same route, whose models tell how long they take."""
    versions = tuple(replace(version, model=TimedModel(version.model)) for version in route.versions)
    return LiveRoute(versions, route.bounds)


def publish_two(folder: Path, flights: Flights) -> LiveVersions:
    """The model as versions 1 and 2; production means the first, and each route is an alias."""
    store, text = ModelStore(str(folder / "store")), flights.booster.model_to_string().encode()
    for _ in range(2):
        publish(store, Publication(name="flights", text=text, by="benchmark"))
    store.set_alias("flights", "production", 1, by="benchmark")
    for i, weights in enumerate(ROUTES.values()):
        store.set_alias("flights", f"route-{i}", Route.of(weights), by="benchmark")
    return LiveVersions(store, "flights", "production", cache=ModelCache(folder / "cache"))


def check(
    case: Case,
    batches: Sequence[Sequence[StoredRecord]],
    expected: Sequence[npt.NDArray[np.float64]],
    weights: dict[int, int],
) -> None:
    """Every prediction names the version of its key by the written rule, and has the oracle's bits."""
    whole = sum(weights.values())
    for records, scores in zip(batches, expected, strict=True):
        case.run(1)
        for record, value, score in zip(records, case.delivery.values, scores, strict=True):
            found = fastavro.schemaless_reader(io.BytesIO(value[FRAME_BYTES:]), prediction_schema(), None)
            digest = hashlib.sha256(b"flights\x00" + record.key()).digest()
            first = int.from_bytes(digest[:8], "big") * whole < weights[1] << 64
            assert (found["version"], found["prediction"]) == (1 if first else 2, score)
    assert case.delivery.counts["dead_letters"] == 0


def time_call(call, times: int) -> float:
    """CPU seconds of one call, at the median of some rounds."""
    rounds = []
    for _ in range(5):
        started = time.process_time()
        for _ in range(times):
            call()
        rounds.append((time.process_time() - started) / times)
    return statistics.median(rounds)


def measure(flights: Flights, versions: LiveVersions, size: int, bounds: Bounds) -> None:
    """All of it for one size of batches."""
    records = [
        StoredRecord("features", i % 4, i // 4, name.encode(), payload, None, 1_700_000_000_000)
        for i, (name, payload) in enumerate(zip(flights.ids, flights.payloads, strict=True))
    ]
    batches = [records[at : at + size] for at in range(0, RECORDS, size)]
    matrices = [flights.matrix[at : at + size] for at in range(0, RECORDS, size)]
    expected = [flights.booster.predict(matrix, num_threads=1) for matrix in matrices]
    plain = Case(time_models(versions.resolve()), batches)
    routed = {name: Case(time_models(versions.resolve(f"route-{i}")), batches) for i, name in enumerate(ROUTES)}
    check(plain, batches, expected, {1: 1})
    for name, case in routed.items():
        check(case, batches, expected, ROUTES[name])
    for case in (plain, *routed.values()):
        case.forget()
    for _ in range(ROUNDS):
        for case in (plain, *routed.values()):
            case.run(BATCHES[size])
    loop_seconds = statistics.median(plain.spent)
    print(f"batches of {size:,}: {size / loop_seconds:,.0f} records a CPU second with one version")

    lookup = time_call(versions.resolve, LOOKUPS)
    bounds.at_most(f"a batch of {size:,} looks its version up, % of the loop", 100 * lookup / loop_seconds, MOST_LOOKUP)
    for name, case in routed.items():
        choosing = time_call(lambda case=case: group_by_version(batches[0], case.versions, refuse_ids), LOOKUPS // 10)
        share = 100 * choosing / loop_seconds
        bounds.at_most(f"the keys of {size:,} choose on a route {name}, % of the loop", share, MOST_CHOOSING)
        whole, inside = more(case.spent, plain.spent, plain.spent), more(case.predicted, plain.predicted, plain.spent)
        bounds.at_most(
            f"all that the route costs, % of the loop ({inside:.1f} inside LightGBM)", whole, MOST_ROUTE[size]
        )


def more(mine: Sequence[float], others: Sequence[float], of: Sequence[float]) -> float:
    """How much more one takes than the other, in percent of something: the median over the rounds."""
    return 100 * statistics.median((a - b) / c for a, b, c in zip(mine, others, of, strict=True))


def main() -> None:
    """Print the shares, and fail over the bounds."""
    flights, bounds = load(RECORDS), Bounds()
    with tempfile.TemporaryDirectory() as folder:
        versions = publish_two(Path(folder), flights)
        for size in BATCHES:
            measure(flights, versions, size, bounds)
    bounds.conclude()


if __name__ == "__main__":
    main()
