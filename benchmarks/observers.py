"""What watching costs: CPU seconds of each observer of the loop, as a share of what the service takes for a record.

python -m benchmarks.observers

What each takes is measured in a loop in memory, where nothing else runs; what a record takes in the service, with all
that its client does, on a real Kafka. All observers that the service has are there; labels are switched on, with ids
from a field. Traces are off, as they are unless somebody asks for them, and then there is no observer.
"""

import statistics
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.answers import check_answers
from benchmarks.bounds import Bounds
from benchmarks.deployment import deploy
from benchmarks.draining import Position, watch_drain
from benchmarks.flights import Flights, load
from benchmarks.loop import CollectingDelivery
from benchmarks.watchers import Drift, LabelChain, NoLag, Remembering, Timed
from scoreline.demo.flights import flight_schema
from scoreline.features import Kind
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.building import TrainingRows, make_baseline
from scoreline.models.booster import LightGBMModel
from scoreline.observability.dead_letters import DeadLetterLog
from scoreline.observability.latest_letters import LatestDeadLetters
from scoreline.observability.metrics import Metrics
from scoreline.observability.stats import Stats
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.fixed import prediction_schema
from scoreline.schemas.framing import Framing, prefix_for
from scoreline.schemas.predictions import PredictionEncoder
from scoreline.scoring import ScoringPath
from scoreline.stream.lag import LagObserver
from scoreline.stream.loop import BatchLimits, StreamLoop
from scoreline.testing.fakes import FixedVersions
from scoreline.transport.record import StoredRecord

BATCH = 2048
BATCHES = 40
RUNS = 5
BASELINE_ROWS = 100_000
BACKLOG = 300_000
MOST = 0.04
"""Bound of everything together, with what happens on threads beside the loop."""


def measure(flights: Flights, model: LightGBMModel, baseline: Baseline) -> dict[str, float]:
    """CPU seconds by who spent them, of one run of the loop; `all` is loop and threads together."""

    class OneSchema:
        def find_writer(self, schema_id):
            return flight_schema()

    versions = FixedVersions({1: model}, name="flights")
    path = ScoringPath(
        versions,
        PayloadDecoder(OneSchema(), framing=Framing.CONFLUENT, id_field="id"),
        PredictionEncoder(prefix_for(Framing.CONFLUENT, 2_000_000_000, prediction_schema())),
        wall_clock=time.time,
    )
    records = [
        StoredRecord("features", i % 4, i // 4, flights.ids[i].encode(), flights.payloads[i], None, 1_700_000_000_000)
        for i in range(BATCH)
    ]
    source, metrics, drift, labels = NoLag(records, BATCHES), Metrics(), Drift(versions, baseline), LabelChain()
    observers = {
        "metrics": Timed(metrics),
        "stats": Timed(Stats()),
        "dead letters": Timed(DeadLetterLog()),
        "latest letters": Timed(LatestDeadLetters()),
        "lag": Timed(LagObserver(source, metrics.set_lag, time.monotonic, time.time)),
        "drift, counted": Timed(drift.monitor),
        "labels, noted": Timed(labels.notes),
        "labels, remembered": Timed(Remembering(labels)),
    }
    loop = StreamLoop(
        source,
        path,
        CollectingDelivery(),
        stop=source.stop,
        clock=time.monotonic,
        wall_clock=time.time,
        batch_observers=tuple(observers.values()),
        limits=BatchLimits(BATCH),
    )
    started = time.process_time()
    loop.run()
    drift.close()
    spent = {"all": time.process_time() - started}
    check(flights, drift, metrics, baseline)
    assert labels.quality.read()["remembered"] == BATCH * BATCHES
    return {
        **spent,
        **{name: each.seconds for name, each in observers.items()},
        "drift, judged": drift.seconds,
        "calibration": drift.calibration_seconds,
    }


def check(flights: Flights, drift: Drift, metrics: Metrics, baseline: Baseline) -> None:
    """Every row is in one window, and the counts are those of the matrix."""
    assert f"{BATCH * BATCHES:.1f}" in metrics.render("")[0].decode().split("scoreline_predictions_total{")[1]
    assert sum(window.counts.rows for window in drift.windows) == BATCH * BATCHES
    assert drift.monitor.dropped == 0
    matrix = flights.matrix[:BATCH]
    for window in drift.windows:
        batches = window.counts.rows // BATCH
        for column, axis in enumerate(baseline.grid.axes[: matrix.shape[1]]):
            values, bins = matrix[:, column], window.counts.bins[baseline.grid.slice_of(column)]
            absent = np.isnan(values)
            if flights.features.features[column].kind is Kind.CATEGORICAL:
                assert bins[-2:].sum() == batches * absent.sum()
                codes = np.bincount(values[~absent].astype(int), minlength=axis.codes)
                np.testing.assert_array_equal(bins[:-2], batches * codes)
            else:
                assert bins[-1] == batches * absent.sum()
                outside = (values < axis.lowest).sum() + (values > axis.highest).sum()
                assert bins[0] + bins[-2] == batches * outside
                np.testing.assert_allclose(window.counts.sums[column], batches * np.nansum(values), rtol=1e-12)


def drain(flights: Flights) -> float:
    """CPU microseconds that the service takes for a record of a backlog, as many times as `RUNS`; their median."""
    found = []
    with deploy({"flights": flights.booster}) as deployment:
        inputs = deployment.make_topic("features")
        deployment.fill(inputs, flights.payloads, BACKLOG)
        for number in range(RUNS):
            group, written = f"watched-{number}", deployment.make_written()
            with (
                Position(
                    deployment.bootstrap_servers, group, inputs, [written.outputs, written.dead_letters]
                ) as position,
                deployment.make_service(group, inputs, written).start() as service,
            ):
                drained = watch_drain(service, position, BACKLOG, transactional=False)
            check_answers(deployment.bootstrap_servers, written.outputs, flights, BACKLOG)
            found.append(1e6 / drained.per_cpu_second)
    return statistics.median(found)


def tell(runs: Sequence[dict[str, float]], service_micros: float) -> float:
    """Print a row for each observer; returns the share of all of them together."""
    records = BATCH * BATCHES
    loop_micros = statistics.median(run["all"] for run in runs) / records * 1e6
    print(f"{records} records in batches of {BATCH}, medians of {RUNS}; CPU of a record:")
    print(f"{service_micros:.2f} µs in the service, {loop_micros:.2f} in the loop in memory")
    print(f"{'':20}{'µs a record':>12}{'of the service':>16}{'in memory':>12}")
    watching = [name for name in runs[0] if name not in ("all", "calibration")]
    medians = {name: statistics.median(run[name] for run in runs) / records * 1e6 for name in watching}
    together = sum(medians.values())
    for name, micros in (*medians.items(), ("together", together)):
        print(f"  {name:18}{micros:12.3f}{micros / service_micros:16.2%}{micros / loop_micros:12.2%}")
    print(f"  calibration, once a version: {statistics.median(run['calibration'] for run in runs):.2f} s")
    return together / service_micros


def main() -> None:
    """Print what each observer costs, and fail where they cost more than they may."""
    flights = load(BASELINE_ROWS)
    model = LightGBMModel(flights.booster.model_to_string(), flights.features)
    scores = model.predict(flights.matrix)
    order = np.arange(len(scores), dtype=np.float64)
    baseline = make_baseline(flights.features, None, TrainingRows(flights.matrix, scores, order))
    runs = [measure(flights, model, baseline) for _ in range(RUNS)]
    share = tell(runs, drain(flights))
    bounds = Bounds()
    bounds.at_most("everything together, percent of the service's CPU", 100 * share, 100 * MOST)
    bounds.conclude()


if __name__ == "__main__":
    main()
