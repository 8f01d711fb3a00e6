"""What spans cost: a batch of the stream, and a request, that is recorded or not; with all of the encoding for OTLP.

python -m benchmarks.traces

CPU microseconds of the process, in turns, medians of rounds. Nothing is sent: spans are encoded, and thrown away. The
batch has 2,048 of the client's own messages, all of them with a `traceparent`, of which none, or every one, is sampled;
the worst for it are those of which none is, as then all of them are looked at.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
from confluent_kafka import Message
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler
from opentelemetry.sdk.trace.sampling import DEFAULT_ON as EVERYTHING

from benchmarks.bounds import Bounds
from scoreline.features import Feature
from scoreline.models.model import ModelVersion
from scoreline.observability.events import BatchScored
from scoreline.observability.traces.batches import MOST_LINKS, BatchTraces, find_sampled
from scoreline.observability.traces.requests import RequestTraces
from scoreline.records import find_last_records
from scoreline.scoring import Part, Scored
from scoreline.testing.fakes import WeightedSum

RECORDS, BATCHES, REQUESTS, ROUNDS = 2048, 20, 500, 15
BATCH_MICROSECONDS = 28_000
"""Of the loop with the flights model (`stream_throughput`): 73,000 records a CPU second."""

MOST_SHARE = 4.0
MOST_UNSAMPLED = 200.0
MOST_REQUEST, MOST_UNSAMPLED_REQUEST = 150.0, 50.0


class Encoding(SpanExporter):
    """Does all that an export takes but sending."""

    def __init__(self) -> None:
        self.encoded = 0

    def export(self, spans):
        encode_spans(spans).SerializePartialToString()
        self.encoded += len(spans)
        return SpanExportResult.SUCCESS


def make_event(flags: str | None) -> BatchScored:
    """A batch whose records have a context with these flags, or none."""
    made = []
    for i in range(RECORDS):
        headers = [] if flags is None else [("traceparent", f"00-{i + 1:032x}-{i + 1:016x}-{flags}".encode())]
        made.append(Message(topic="features", partition=0, offset=i, value=b"x", headers=headers, timestamp=(1, 1)))
    version = ModelVersion("flights", 1, "0" * 64, WeightedSum([Feature("x")], [1.0]))
    part = Part(version, np.arange(RECORDS), np.zeros((RECORDS, 1)), np.zeros(1, int), None, None)
    stages = dict.fromkeys(("poll", "decode", "predict", "encode", "publish", "commit"), 0.001)
    scored = Scored(np.zeros(RECORDS), np.array([], dtype=np.intp))
    return BatchScored(made, find_last_records(made), [part], [scored], [], 0, stages, 1_700_000_000_000)


class Spans:
    """Both makers of spans under one sampler."""

    def __init__(self, sampler: Sampler) -> None:
        self.exporter = Encoding()
        self.provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self.provider.add_span_processor(BatchSpanProcessor(self.exporter, schedule_delay_millis=60_000))
        tracer = self.provider.get_tracer("scoreline")
        self._batches, self._requests = BatchTraces(tracer, "group"), RequestTraces(tracer)

    def measure_batch(self, event: BatchScored) -> float:
        return self._measure(lambda: self._batches.batch_scored(event), BATCHES)

    def measure_request(self, headers: dict[str, str]) -> float:
        def serve() -> None:
            span = self._requests.begin("POST", headers)
            span.end("POST", "/predict", 200, request_id="r", instances=1, version=1)

        return self._measure(serve, REQUESTS)

    def _measure(self, do: Callable[[], None], times: int) -> float:
        began = time.process_time()
        for _ in range(times):
            do()
        self.provider.force_flush()
        return (time.process_time() - began) * 1e6 / times


def main() -> None:
    on, off = Spans(EVERYTHING), Spans(ParentBased(ALWAYS_OFF))
    traced, unsampled, plain = make_event("01"), make_event("00"), make_event(None)
    assert len(find_sampled(traced.records)) == MOST_LINKS
    assert not find_sampled(unsampled.records)
    parent = {"traceparent": f"00-{1:032x}-{1:016x}-01"}
    measured: dict[str, Callable[[], float]] = {
        f"batch, recorded, {MOST_LINKS} links": lambda: on.measure_batch(traced),
        "batch, recorded, contexts that are not sampled": lambda: on.measure_batch(unsampled),
        "batch, recorded, records without a context": lambda: on.measure_batch(plain),
        "batch, not recorded": lambda: off.measure_batch(traced),
        "request, recorded": lambda: on.measure_request(parent),
        "request, not recorded": lambda: off.measure_request({}),
    }
    found: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, measure in measured.items():
            found[name].append(measure())
    medians = {name: statistics.median(each) for name, each in found.items()}
    for name, microseconds in medians.items():
        print(f"{name:<50} {microseconds:8.1f} µs")
    assert on.exporter.encoded == ROUNDS * (3 * BATCHES + REQUESTS)
    assert off.exporter.encoded == 0
    bounds = Bounds()
    worst = max(microseconds for name, microseconds in medians.items() if name.startswith("batch, recorded"))
    bounds.at_most("recorded batch, % of the loop", worst / BATCH_MICROSECONDS * 100, MOST_SHARE)
    bounds.at_most("batch that is not recorded, µs", medians["batch, not recorded"], MOST_UNSAMPLED)
    bounds.at_most("recorded request, µs", medians["request, recorded"], MOST_REQUEST)
    bounds.at_most("request that is not recorded, µs", medians["request, not recorded"], MOST_UNSAMPLED_REQUEST)
    bounds.conclude()


if __name__ == "__main__":
    main()
