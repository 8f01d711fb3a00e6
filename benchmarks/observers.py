"""What watching costs: CPU seconds of each observer of the loop, as a share of all that loop and observers take.

python -m benchmarks.observers

All observers that the service has are there; labels are switched on, with ids from a field. Traces are off, as they are
unless somebody asks for them, and then there is no observer.
"""

import statistics
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np

from benchmarks.bounds import Bounds
from benchmarks.flights import Flights, load
from benchmarks.loop import CollectingDelivery, ReplaySource
from scoreline.demo.flights import flight_schema
from scoreline.features import Kind
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.building import TrainingRows, make_baseline
from scoreline.models.booster import LightGBMModel
from scoreline.models.inspection import Output
from scoreline.observability.dead_letters import DeadLetterLog
from scoreline.observability.drift.judge import DriftJudge
from scoreline.observability.drift.judging import Judging
from scoreline.observability.drift.monitor import DriftMonitor
from scoreline.observability.drift.thread import DriftThread
from scoreline.observability.drift.windows import WindowLimits
from scoreline.observability.events import BatchObserver, BatchScored
from scoreline.observability.labels.joining import LabelJoin
from scoreline.observability.labels.notes import PredictionNotes
from scoreline.observability.labels.quality import LiveQuality
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
WINDOW = 4096
REMEMBERED = 200_000
BATCHES_A_LABEL_TURN = 4
"""The reader of labels takes what was noted ten times a second."""

MOST = 0.04
"""Bound of everything together, with what happens on threads beside the loop."""


class Timed:
    """An observer of batches, with the CPU seconds of its thread counted while it takes note."""

    def __init__(self, observer: BatchObserver) -> None:
        self._observer = observer
        self.seconds = 0.0

    def batch_scored(self, event: BatchScored) -> None:
        started = time.thread_time()
        self._observer.batch_scored(event)
        self.seconds += time.thread_time() - started


class Nobody:
    """Counts nothing of labels: none come."""

    def labels_settled(self, outcome, labels):
        pass


class Labels:
    """Notes of predictions, and the join that remembers them: beside the loop in the service, here on its thread."""

    def __init__(self) -> None:
        self._batches = 0
        clock = time.monotonic
        self.notes = PredictionNotes(REMEMBERED, clock)
        self.quality = LiveQuality(Nobody(), seconds=3600.0, list_loaded=lambda: [1], clock=clock)
        self._join = LabelJoin(
            self.notes,
            self.quality,
            most_predictions=REMEMBERED,
            seconds=3600.0,
            find_output=lambda _: Output.PROBABILITY,
            clock=clock,
        )

    def batch_scored(self, event: BatchScored) -> None:
        self._batches += 1
        if self._batches % BATCHES_A_LABEL_TURN == 0:
            self._join.turn([])


class NoLag(ReplaySource):
    """The same batch again and again, of partitions that nobody is behind on."""

    def add_listener(self, listener):
        pass

    def lags(self):
        return {}


def _do_at_once(call):
    """In place of the thread beside, so that its CPU seconds are this thread's."""
    future = Future()
    future.set_result(call())
    return future


class Drift:
    """The monitor of one version with the judge that the service has, and the CPU seconds of its thread."""

    def __init__(self, versions: FixedVersions, baseline: Baseline) -> None:
        woken, version = threading.Event(), versions.resolve().versions[0]
        self.windows = []
        self.monitor = DriftMonitor(
            Judging(
                WindowLimits(WINDOW, 600.0), lambda _: baseline, self._make_judge, None, time.monotonic, _do_at_once
            ),
            live=[version],
            resident=lambda: [version],
            wall_clock=time.time,
            wake=woken.set,
        )
        started = time.thread_time()
        self.monitor.turn()
        self.calibration_seconds = time.thread_time() - started
        self.seconds = 0.0
        self._thread = DriftThread(self._turn, self.monitor.describe, woken)
        self._thread.start()

    def close(self) -> None:
        self._thread.close(10.0)
        assert self._thread.check().alive
        self._turn()

    def _turn(self) -> None:
        started = time.thread_time()
        self.monitor.turn()
        self.seconds += time.thread_time() - started

    def _make_judge(self, baseline: Baseline) -> DriftJudge:
        windows = self.windows

        class Noting(DriftJudge):
            def judge(self, window):
                windows.append(window)
                return super().judge(window)

        return Noting(baseline, window_records=WINDOW, relative_threshold=0.25, false_alarm_windows=200)


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
    source, metrics, drift, labels = NoLag(records, BATCHES), Metrics(), Drift(versions, baseline), Labels()
    observers = {
        "metrics": Timed(metrics),
        "stats": Timed(Stats()),
        "dead letters": Timed(DeadLetterLog()),
        "latest letters": Timed(LatestDeadLetters()),
        "lag": Timed(LagObserver(source, metrics.set_lag, time.monotonic, time.time)),
        "drift, counted": Timed(drift.monitor),
        "labels, noted": Timed(labels.notes),
        "labels, remembered": Timed(labels),
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


def tell(runs: Sequence[dict[str, float]]) -> float:
    """Print a row for each observer; returns the share of all of them together."""
    records = BATCH * BATCHES
    whole = statistics.median(run["all"] for run in runs)
    print(f"{records} records in batches of {BATCH}, {whole / records * 1e6:.2f} µs of CPU a record (median of {RUNS})")
    watching = [name for name in runs[0] if name not in ("all", "calibration")]
    for name in watching:
        micros = statistics.median(run[name] for run in runs) / records * 1e6
        print(
            f"  {name:18} {micros:6.3f} µs a record  {statistics.median(run[name] / run['all'] for run in runs):6.2%}"
        )
    print(f"  calibration, once a version: {statistics.median(run['calibration'] for run in runs):.2f} s")
    return statistics.median(sum(run[name] for name in watching) / run["all"] for run in runs)


def main() -> None:
    """Print what each observer costs, and fail where they cost more than they may."""
    flights = load(BASELINE_ROWS)
    model = LightGBMModel(flights.booster.model_to_string(), flights.features)
    scores = model.predict(flights.matrix)
    order = np.arange(len(scores), dtype=np.float64)
    baseline = make_baseline(flights.features, None, TrainingRows(flights.matrix, scores, order))
    share = tell([measure(flights, model, baseline) for _ in range(RUNS)])
    bounds = Bounds()
    bounds.at_most("everything together, percent", 100 * share, 100 * MOST)
    bounds.conclude()


if __name__ == "__main__":
    main()
