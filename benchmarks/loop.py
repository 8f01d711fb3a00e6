"""The loop on an in-memory source and delivery: how much of its CPU time is spent inside the model.

python -m benchmarks.loop
"""

import statistics
import threading
import time
from collections import Counter

import numpy as np

from benchmarks.flights import Flights, load
from scoreline.demo.flights import flight_schema
from scoreline.features import Matrix
from scoreline.models.booster import LightGBMModel
from scoreline.models.model import Scores
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.framing import Framing, prefix_for
from scoreline.schemas.predictions import PredictionEncoder
from scoreline.scoring import ScoringPath
from scoreline.stream.loop import BatchLimits, StreamLoop
from scoreline.testing.fakes import FixedVersions
from scoreline.transport.record import StoredRecord

BATCH = 1024
BATCHES = 60
RUNS = 5
TARGET = 0.65


class TimedModel:
    """The model, with the CPU seconds of its `predict` counted."""

    def __init__(self, model: LightGBMModel) -> None:
        self._model = model
        self.features, self.classes, self.engine = model.features, model.classes, model.engine
        self.importances = model.importances
        self.cpu_seconds = 0.0

    def predict(self, features: Matrix) -> Scores:
        started = time.process_time()
        scores = self._model.predict(features)
        self.cpu_seconds += time.process_time() - started
        return scores


class ReplaySource:
    """Gives the same batch again and again, then asks for the stop."""

    def __init__(self, batch: list[StoredRecord], batches: int) -> None:
        self._batch, self._left = batch, batches
        self.stop = threading.Event()

    def poll(self, max_records, max_bytes, timeout_seconds):
        self._left -= 1
        if self._left == 0:
            self.stop.set()
        return self._batch

    def rewind(self, next_offsets):
        raise AssertionError("nothing fails here")


class CollectingDelivery:
    """Counts what it is given and keeps the last batch."""

    def __init__(self) -> None:
        self.counts = Counter()
        self.values = []

    def rest(self):
        pass

    def begin(self):
        pass

    def finish(self, outputs, dead_letters, next_offsets):
        self.counts["predictions"] += len(outputs)
        self.counts["dead_letters"] += len(dead_letters)
        self.values = outputs.values
        return {}


def measure(flights: Flights) -> float:
    """Share of the CPU time that is spent inside `predict`, after checking every prediction's bits."""
    model = TimedModel(LightGBMModel(flights.booster.model_to_string(), flights.features))

    class OneSchema:
        def find_writer(self, schema_id):
            return flight_schema()

    path = ScoringPath(
        FixedVersions({1: model}, name="flights"),
        PayloadDecoder(OneSchema(), framing=Framing.CONFLUENT, id_field="id"),
        PredictionEncoder(prefix_for(Framing.CONFLUENT, 2_000_000_000, prediction_schema())),
        wall_clock=time.time,
    )
    records = [
        StoredRecord(
            "features", i % 4, i // 4, flights.ids[i][:12].encode(), flights.payloads[i], None, 1_700_000_000_000
        )
        for i in range(BATCH)
    ]
    source, delivery = ReplaySource(records, BATCHES), CollectingDelivery()
    loop = StreamLoop(
        source,
        path,
        delivery,
        stop=source.stop,
        clock=time.monotonic,
        wall_clock=time.time,
        limits=BatchLimits(BATCH),
    )
    loop.turn()
    model.cpu_seconds = 0.0
    started = time.process_time()
    loop.run()
    spent = time.process_time() - started
    check(flights, delivery)
    return model.cpu_seconds / spent


def check(flights: Flights, delivery: CollectingDelivery) -> None:
    """Every prediction holds the bits that `Booster.predict` gives for the same row."""
    assert delivery.counts["dead_letters"] == 0
    expected = flights.booster.predict(flights.matrix[:BATCH], num_threads=1)
    for i, value in enumerate(delivery.values):
        name = flights.ids[i].encode()
        at = 5 + 1 + len(name)
        assert value[6:at] == name
        assert np.frombuffer(value[at : at + 8], "<f8")[0] == expected[i]


def main() -> None:
    """Print the share, and fail under the target."""
    flights = load(BATCH)
    shares = [measure(flights) for _ in range(RUNS)]
    share = statistics.median(shares)
    spread = f"from {min(shares):.1%} to {max(shares):.1%}"
    print(f"CPU time inside Booster.predict, {BATCH} records a batch: {share:.1%} ({spread})")
    assert share >= TARGET, f"{share:.1%} is under {TARGET:.0%}"


if __name__ == "__main__":
    main()
